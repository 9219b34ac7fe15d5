#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays a VM: sends frames on chosen queues of a tap.

usage: tap_send.py TAP QUEUES DST-MAC FLOWS FRAMES [LENGTH]

Attaches QUEUES queues to TAP, which is there already and a port of a bridge,
and says "ready" when that forwards. Then, for each line of standard input,
which names some queues, sends on each of them FRAMES UDP frames of each of
FLOWS flows, with LENGTH (18) bytes of payload, in turns over queues and flows,
and says "done". Other lines: "big" and "small" change the length, "stream"
sends on all queues until "stop".
"""

import fcntl
import os
import select
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


def frame(dst, queue, flow, length):
    """A UDP packet of a flow that no other queue has."""
    udp = struct.pack("!HHHH", 20000 + 100 * queue + flow, 9, 8 + length, 0)
    packet = wire.ip("10.2.0.1", "10.2.0.2", udp + b"x" * length, proto=17)
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


def stream(fds, frames):
    """Sends on all queues until the next line comes."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        for fd, data in zip(fds, frames):
            os.write(fd, data)


def main():
    if len(sys.argv) not in (6, 7):
        raise SystemExit(__doc__)
    tap, queues, dst, flows, frames = sys.argv[1:6]
    small = int(sys.argv[6]) if len(sys.argv) > 6 else 18
    length = small
    fds = [attach(tap) for _ in range(int(queues))]
    wait_for_bridge(tap)
    print("ready", flush=True)
    while line := sys.stdin.readline():
        word = line.strip()
        if word in ("big", "small"):
            length = 1300 if word == "big" else small
        elif word == "stream":
            print("streaming", flush=True)
            stream(fds, [frame(dst, q, 0, length) for q in range(len(fds))])
            continue
        elif word != "stop":
            for _ in range(int(frames)):
                for flow in range(int(flows)):
                    for q in map(int, word.split()):
                        os.write(fds[q], frame(dst, q, flow, length))
        print("done", flush=True)


if __name__ == "__main__":
    main()
