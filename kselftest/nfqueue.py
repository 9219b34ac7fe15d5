#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Accepts every packet of netfilter queue 0, from user space.

usage: nfqueue.py COUNT

Prints "ready" once it listens, and ends after COUNT packets. What is accepted
here goes on in the context of this process instead of the softirq that it
came in.
"""

import socket
import struct
import sys

import nl

NETLINK_NETFILTER = 12
SUBSYS_QUEUE = 3 << 8
MSG_PACKET, MSG_VERDICT, MSG_CONFIG = 0, 1, 2
CFG_CMD, CFG_PARAMS = 1, 2
CMD_BIND = 1
COPY_META = 1
A_PACKET_HDR, A_VERDICT_HDR = 1, 2
NF_ACCEPT = 1
QUEUE = 0


def message(kind, body):
    head = struct.pack("=BBH", socket.AF_UNSPEC, 0, socket.htons(QUEUE))
    size = 16 + len(head) + len(body)
    return struct.pack("=IHHII", size, SUBSYS_QUEUE | kind, 1, 0, 0) + head + body


def packet_ids(data):
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        at = 20
        while kind == SUBSYS_QUEUE | MSG_PACKET and at + 4 <= size:
            length, what = struct.unpack_from("=HH", data, at)
            if what & 0x3fff == A_PACKET_HDR:
                yield struct.unpack_from("!I", data, at + 4)[0]
            at += max(length + 3 & ~3, 4)
        data = data[size + 3 & ~3:]


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        raise SystemExit(__doc__)
    left = int(sys.argv[1])
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    sock.send(message(MSG_CONFIG, nl.attr(CFG_CMD, struct.pack("!BxH", CMD_BIND, 0))))
    sock.send(message(MSG_CONFIG, nl.attr(CFG_PARAMS, struct.pack("!IB", 0, COPY_META))))
    print("ready", flush=True)
    while left > 0:
        for number in packet_ids(sock.recv(65536)):
            verdict = struct.pack("!II", NF_ACCEPT, number)
            sock.send(message(MSG_VERDICT, nl.attr(A_VERDICT_HDR, verdict)))
            left -= 1


if __name__ == "__main__":
    main()
