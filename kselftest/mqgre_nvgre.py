#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends a frame in GRE with each key from one namespace to the other.

usage: mqgre_nvgre.py NAMESPACE-A NAMESPACE-B KEY...

A key is a number, or "none". Both ends are those of mqgre_nvgre.sh.
"""

import sys
import time

import wire
from wire import gre, ip

# IEEE 802's local experimental EtherType: no protocol of the host takes it.
FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + b"x" * 50


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    wire.enter(sys.argv[2])
    to = wire.mac(wire.address("eth0"))
    wire.enter(sys.argv[1])
    head = to + wire.mac(wire.address("eth0")) + b"\x08\0"
    sender = wire.Linear("eth0")
    for key in sys.argv[3:]:
        key = None if key == "none" else int(key)
        sender.send(head + ip("10.1.0.1", "10.1.0.2", gre(FRAME, key=key)))
    # They are counted when the softirq has seen them.
    time.sleep(0.1)


if __name__ == "__main__":
    main()
