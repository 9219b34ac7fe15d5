#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints what each queue of a device has received or sent: a line per queue.

usage: qstats.py DEV rx|tx [packets|bytes] [total]

With "total" it prints what the device has, a single line. Asks the generic
netlink family "netdev" (the per-queue statistics that drivers such as virtio_net
no longer give to ethtool -S).
"""

import socket
import struct
import sys

from nl import attr

GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NETDEV_CMD_QSTATS_GET, SCOPE_QUEUE = 12, 1
IFINDEX, QUEUE_TYPE, QUEUE_ID, SCOPE = 1, 2, 3, 4
VALUES = {("rx", "packets"): 8, ("rx", "bytes"): 9,
          ("tx", "packets"): 10, ("tx", "bytes"): 11}
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3


def parse(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        found[kind & 0x3fff] = data[at + 4:at + size]
        at += max(size + 3 & ~3, 4)
    return found


def number(data):
    return int.from_bytes(data, sys.byteorder)


def ask(sock, family, cmd, body, flags=0):
    """Yields the attributes of each answer."""
    body = struct.pack("=BBH", cmd, 1, 0) + body
    sock.send(struct.pack("=IHHII", 16 + len(body), family,
                          NLM_F_REQUEST | flags, 1, 0) + body)
    while True:
        data, at = sock.recv(1 << 17), 0
        while at < len(data):
            size, kind = struct.unpack_from("=IH", data, at)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                error, = struct.unpack_from("=i", data, at + 16)
                if error:
                    raise SystemExit(f"error {error}")
                return
            yield parse(data[at + 20:at + size])
            at += size + 3 & ~3
        if not flags & NLM_F_DUMP:
            return


def per_queue(dev, direction, unit="packets", total=False):
    """The counts of the queues, in their order; or the device's alone."""
    value = VALUES[direction, unit]
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    sock.bind((0, 0))
    family, = ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
                  attr(CTRL_ATTR_FAMILY_NAME, b"netdev\0"))
    body = attr(IFINDEX, struct.pack("=I", socket.if_nametoindex(dev)))
    if not total:
        body += attr(SCOPE, struct.pack("=I", SCOPE_QUEUE))
    kind = ("rx", "tx").index(direction)
    counts = {}
    for a in ask(sock, number(family[CTRL_ATTR_FAMILY_ID]), NETDEV_CMD_QSTATS_GET,
                 body, NLM_F_DUMP):
        if total:
            counts[0] = number(a[value])
        elif number(a[QUEUE_TYPE]) == kind:
            counts[number(a[QUEUE_ID])] = number(a.get(value, b""))
    if not counts:
        raise SystemExit(f"{dev} tells of no queue")
    return [counts[queue] for queue in sorted(counts)]


def main():
    words = sys.argv[2:]
    total = words[-1:] == ["total"]
    if total:
        words.pop()
    if len(words) == 1:
        words.append("packets")
    if tuple(words) not in VALUES:
        raise SystemExit(__doc__)
    for count in per_queue(sys.argv[1], *words, total=total):
        print(count)


if __name__ == "__main__":
    main()
