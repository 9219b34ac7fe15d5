#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends a frame in GRE with each key from one namespace to the other.

usage: mqgre_nvgre.py NAMESPACE-A NAMESPACE-B KEY...

A key is a number, or "none". Both ends are those of mqgre_nvgre.sh.
"""

import os
import sys
import time

import wire
from wire import gre, ip

# IEEE 802's local experimental EtherType: no protocol of the host takes it.
FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + b"x" * 50


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    # The softirq is this CPU's: what a packet socket has seen, it is done with.
    os.sched_setaffinity(0, {0})
    wire.enter(sys.argv[2])
    near, sent, seen = wire.sniffer("eth0"), [], []
    to = wire.mac(wire.address("eth0"))
    wire.enter(sys.argv[1])
    head = to + wire.mac(wire.address("eth0")) + b"\x08\0"
    sender = wire.Linear("eth0")
    for key in sys.argv[3:]:
        key = None if key == "none" else int(key)
        sent.append(head + ip("10.1.0.1", "10.1.0.2", gre(FRAME, key=key)))
        sender.send(sent[-1])
    end = time.monotonic() + 60
    while len(seen) < len(sent) and time.monotonic() < end:
        seen += [frame for frame in wire.received(near) if frame in sent]
    if len(seen) < len(sent):
        raise SystemExit("not all of it arrived")


if __name__ == "__main__":
    main()
