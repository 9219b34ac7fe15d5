#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends large or segmented UDP datagrams between two namespaces.

usage: udp_blob.py FROM-NS TO-NS ADDRESS SIZE [SEGMENT]

One datagram of SIZE bytes, or with SEGMENT one send that the kernel is to cut
into datagrams of SEGMENT bytes (UDP_SEGMENT). Succeeds if all arrive intact.
"""

import random
import socket
import sys

import wire

UDP_SEGMENT = 103


def main():
    if len(sys.argv) not in (5, 6):
        raise SystemExit(__doc__)
    sender, receiver, address = sys.argv[1:4]
    size, segment = int(sys.argv[4]), int((sys.argv + ["0"])[5])
    wire.enter(receiver)
    rx = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rx.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    rx.bind((address, 7007))
    rx.settimeout(5)
    wire.enter(sender)
    tx = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tx.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    if segment:
        tx.setsockopt(socket.SOL_UDP, UDP_SEGMENT, segment)
    blob = random.Random(size).randbytes(size)
    tx.sendto(blob, (address, 7007))
    # In any order: two CPUs may overtake each other.
    step = segment or size
    sent = sorted(blob[i:i + step] for i in range(0, size, step))
    got = sorted(rx.recv(1 << 16) for _ in sent)
    if got != sent:
        raise SystemExit("what came is not what went")


if __name__ == "__main__":
    main()
