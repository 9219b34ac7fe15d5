#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays a VM: sends frames on chosen queues of a tap.

usage: tap_send.py TAP QUEUES DST-MAC FLOWS FRAMES

Attaches QUEUES queues to TAP, which is there already and a port of a bridge,
and says "ready" when that forwards. Then, for each line of standard input,
which names some queues, sends on each of them FRAMES UDP frames of each of
FLOWS flows, in turns over queues and flows, and says "done".
"""

import fcntl
import os
import struct
import sys
import time

import wire

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE = 2, 0x1000, 0x100


def attach(tap):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack(
        "16sH22x", tap.encode(), IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE))
    return fd


def frame(dst, queue, flow):
    """A UDP packet of a flow that no other queue has."""
    udp = struct.pack("!HHHH", 20000 + 100 * queue + flow, 9, 8 + 18, 0)
    packet = wire.ip("10.2.0.1", "10.2.0.2", udp + b"x" * 18, proto=17)
    return wire.mac(dst) + b"\2\0\0\0\0\1" + b"\x08\0" + packet


def wait_for_bridge(tap):
    """A port whose carrier has just come drops what it gets, for a while."""
    forwarding = "3"
    for _ in range(200):
        with open(f"/sys/class/net/{tap}/brport/state", encoding="ascii") as f:
            if f.read().strip() == forwarding:
                return
        time.sleep(0.05)
    raise SystemExit(f"the bridge does not forward from {tap}")


def main():
    if len(sys.argv) != 6:
        raise SystemExit(__doc__)
    tap, queues, dst, flows, frames = sys.argv[1:]
    fds = [attach(tap) for _ in range(int(queues))]
    wait_for_bridge(tap)
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(frames)):
            for flow in range(int(flows)):
                for q in map(int, line.split()):
                    os.write(fds[q], frame(dst, q, flow))
        print("done", flush=True)


if __name__ == "__main__":
    main()
