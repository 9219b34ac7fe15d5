#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends GRE packets with ECN outside and sees what comes out of the tunnel.

usage: mqgre_ecn.py NAMESPACE-A NAMESPACE-B OUTER INNER RESULT

OUTER and INNER are TOS values of what is sent from v0 of A; RESULT is the TOS
that each frame must have on m0 of B, or "dropped". With VLAN tags and without.
"""

import os
import socket
import struct
import sys
import time

import wire

PACKET_AUXDATA, VLAN_VALID = 8, 1 << 4
VIDS = (0, 1, 2, 3, 4, 8, 100, 101)


def frame(vid, tos):
    tag = struct.pack("!HH", 0x8100, vid) if vid else b""
    udp = struct.pack("!HHHH", 9, 9, 8 + 26, 0) + bytes(26)
    return (b"\xff" * 6 + b"\x02\0\0\0\0\1" + tag + b"\x08\0" +
            wire.ip("10.0.0.1", "10.0.0.255", udp, proto=17, tos=tos))


def seen(sock):
    """(VID, TOS, whether the header's checksum is right) of what came."""
    found = []
    while True:
        try:
            data, extra, _, where = sock.recvmsg(4096, 64)
        except BlockingIOError:
            return found
        if where[2] == wire.PACKET_OUTGOING:
            continue
        vid = 0
        for level, kind, aux in extra:
            if (level, kind) == (wire.SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", aux)
                vid = tci & 0xfff if status & VLAN_VALID else 0
        found.append((vid, data[15], wire.csum(data[14:34]) == 0))


def main():
    if len(sys.argv) != 6:
        raise SystemExit(__doc__)
    _, ns_a, ns_b, outer, inner, result = sys.argv
    # One CPU: what was sent first arrives first.
    os.sched_setaffinity(0, {0})
    wire.enter(ns_b)
    head = wire.mac(wire.address("v0"))
    sock = wire.sniffer("m0")
    sock.setsockopt(wire.SOL_PACKET, PACKET_AUXDATA, 1)
    wire.enter(ns_a)
    head += wire.mac(wire.address("v0")) + b"\x08\0"
    sender = wire.Linear("v0")
    for vid in VIDS:
        packet = wire.gre(frame(vid, int(inner)), key=7)
        sender.send(head + wire.ip("192.0.2.1", "192.0.2.2", packet, tos=int(outer)))
    if result == "dropped":
        wanted = []
    else:
        wanted = [(vid, int(result), True) for vid in VIDS]
    found, end = [], time.monotonic() + 60
    while len(found) < len(wanted) and time.monotonic() < end:
        found += seen(sock)
    # None may come beyond.
    time.sleep(0.5)
    found += seen(sock)
    print(found)
    if found != wanted:
        raise SystemExit(f"expected {wanted}")


if __name__ == "__main__":
    main()
