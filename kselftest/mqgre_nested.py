#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packet of mqgre_nested.sh.

usage: mqgre_nested.py NAMESPACE-A NAMESPACE-B DEPTH

Sends from A's eth0 one packet of DEPTH tunnels, each in the payload of the one
around it, all for B's m7.
"""

import socket
import sys

import wire


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    ns_a, ns_b, depth = sys.argv[1], sys.argv[2], int(sys.argv[3])
    wire.enter(ns_b)
    station = wire.mac(wire.address("m7"))
    eth0 = wire.mac(wire.address("eth0"))
    head = station + b"\2\0\0\0\0\1\x08\0"
    frame = station + b"\2\0\0\0\0\1\x88\xb5" + bytes(46)
    for _ in range(depth):
        packet = wire.ip("10.1.0.1", "10.1.0.2", wire.gre(frame, key=7))
        frame = head + packet
    wire.enter(ns_a)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        sock.send(eth0 + wire.mac(wire.address("eth0")) + b"\x08\0" + packet)


if __name__ == "__main__":
    main()
