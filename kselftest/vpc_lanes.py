#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays a wire that is a tap: packets for a VM come by one of its queues.

usage: vpc_lanes.py TAP QUEUES VM-MAC VM-IP

TAP is made, with an address of 10.2.0.1; the packets are GRE from 10.2.0.2, of VPC 7.
For each line of standard input, "QUEUE COUNT", it sends so many there, of as many
flows, and says "done".
"""

import os
import sys

import tap_hold
import wire
from frames import IPV4
from frames import ether
from frames import ip4
from frames import udp
from vpc_taps import ip

RED = 7
# Somebody behind the remote.
SENDER, SENDER_IP = bytes([2, 0, 0, 0, 0, 0x44]), "10.9.0.68"


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    tap, queues, mac, address = sys.argv[1:]
    fds = [tap_hold.attach(tap, tap_hold.IFF_TAP | tap_hold.IFF_MULTI_QUEUE)
           for _ in range(int(queues))]
    ip("addr", "add", "10.2.0.1/24", "dev", tap)
    ip("link", "set", tap, "up")
    head = wire.mac(wire.address(tap)) + SENDER + b"\x08\0"
    print("ready", flush=True)
    while line := sys.stdin.readline():
        queue, count = map(int, line.split())
        for n in range(count):
            inner = udp(SENDER_IP, address, (1000 + n, 9))
            frame = ether(wire.mac(mac), SENDER, IPV4, ip4(SENDER_IP, address, inner))
            os.write(fds[queue], head + wire.ip("10.2.0.2", "10.2.0.1",
                                                wire.gre(frame, key=RED)))
        print("done", flush=True)


if __name__ == "__main__":
    main()
