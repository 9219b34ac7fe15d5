#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays two VMs on the taps tapu and tapv of a bridge, neither with lanes, and
prints each frame that comes to either: the tap, the queue, the bytes.

usage: tap_frames.py

The same frames each time: first what no VM has answered yet, then V sends on
queues of its choice, and U again what belongs to these flows. So the driver
finds some flows in its table, and others by their hash.
"""

import os
import select
import time

import tap_hold
import tap_send
import wire

U, V = b"\2\0\0\0\1\1", b"\2\0\0\0\1\2"
FLOWS = 24


def udp(src, dst, ports, length):
    """A frame with so many bytes of payload."""
    ip = ("10.8.0.1", "10.8.0.2") if src == U else ("10.8.0.2", "10.8.0.1")
    header = b"".join(n.to_bytes(2, "big") for n in (*ports, 8 + length, 0))
    payload = b"x" * length
    return dst + src + b"\x08\0" + wire.ip(*ip, header + payload, proto=17)


def odd_ones():
    """Frames that are no UDP: tags, other protocols, long and short ones."""
    return [
        V + U + b"\x81\0\0\x07\x08\0" + b"\x45" + bytes(45),
        V + U + b"\x88\xb5" + bytes(range(46)),
        V + U + b"\x86\xdd" + b"\x60" + bytes(59),
        b"\xff" * 6 + U + b"\x08\x06" + bytes(28),
        V + U + b"\x88\xb5" + bytes(1498),
    ]


def drain(taps):
    """Prints all that has come, until nothing has for a while."""
    fds = {fd: (name, q) for name, queues in taps.items() for q, fd in enumerate(queues)}
    found = []
    while ready := select.select(list(fds), [], [], 0.4)[0]:
        for fd in ready:
            found.append((*fds[fd], os.read(fd, 65536).hex()))
    # Queues are independent; within one the order counts.
    found.sort(key=lambda one: one[:2])
    for name, queue, frame in found:
        print(name, queue, frame)


def main():
    taps = {}
    for name in ("tapu", "tapv"):
        taps[name] = [tap_hold.attach(name, tap_hold.IFF_TAP | tap_hold.IFF_MULTI_QUEUE)
                      for _ in range(4)]
        tap_send.wait_for_bridge(name)
    time.sleep(0.2)
    for fds in taps.values():
        for fd in fds:
            os.set_blocking(fd, False)
    u, v = taps["tapu"], taps["tapv"]
    for flow in range(FLOWS):
        os.write(u[flow % 4], udp(U, V, (1000 + flow, 9), 18 + 50 * flow))
    for frame in odd_ones():
        os.write(u[3], frame)
    drain(taps)
    for flow in range(0, FLOWS, 3):
        os.write(v[flow // 3 % 4], udp(V, U, (9, 1000 + flow), 40))
    drain(taps)
    for flow in range(FLOWS):
        os.write(u[flow % 3], udp(U, V, (1000 + flow, 9), 60))
    drain(taps)


if __name__ == "__main__":
    main()
