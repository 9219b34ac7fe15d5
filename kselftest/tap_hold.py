#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Holds queues of taps, as told on standard input; for each line says "ok", or
what went wrong.

usage: tap_hold.py

  add NAME QUEUES     a tap with so many queues; 0: one that is not multiqueue
  tun NAME            a device that is a tun, not a tap
  more NAME           attach one more queue
  close NAME          give up the last queue; the tap goes with its last one
  enable|disable NAME QUEUE
                      the queue, by its place in order of attaching, as a guest
                      does that changes the number of its queues
  del NAME            give up all of them
"""

import fcntl
import os
import struct
import sys

TUNSETIFF, TUNSETQUEUE = 0x400454ca, 0x400454d9
IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE = 1, 2, 0x1000, 0x100
IFF_ATTACH_QUEUE, IFF_DETACH_QUEUE = 0x200, 0x400


def attach(name, flags):
    """A queue of that device, which is made if it is not there."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags | IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd


def switch(fd, on):
    """Enables or disables a queue."""
    flags = IFF_ATTACH_QUEUE if on else IFF_DETACH_QUEUE
    fcntl.ioctl(fd, TUNSETQUEUE, struct.pack("16sH22x", b"", flags))


class Holder:
    """Taps and their queues, in the order in which these were attached."""

    def __init__(self):
        self.taps = {}

    def add(self, name, queues):
        fds = self.taps.setdefault(name, [])
        if not queues:
            fds.append(attach(name, IFF_TAP))
        for _ in range(queues):
            self.more(name)

    def more(self, name):
        self.taps[name].append(attach(name, IFF_TAP | IFF_MULTI_QUEUE))

    def close(self, name):
        os.close(self.taps[name].pop())

    def drop(self, name):
        for fd in self.taps.pop(name):
            os.close(fd)

    def obey(self, verb, name, *rest):
        """Does what a line says."""
        if verb == "add":
            self.add(name, int(rest[0]))
        elif verb == "tun":
            self.taps[name] = [attach(name, IFF_TUN)]
        elif verb == "more":
            self.more(name)
        elif verb == "close":
            self.close(name)
        elif verb in ("enable", "disable"):
            switch(self.taps[name][int(rest[0])], verb == "enable")
        elif verb == "del":
            self.drop(name)
        else:
            raise ValueError(f"unknown word {verb}")


def main():
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    holder = Holder()
    while line := sys.stdin.readline():
        try:
            holder.obey(*line.split())
            print("ok", flush=True)
        except (OSError, KeyError, ValueError, IndexError) as e:
            print(f"{type(e).__name__}: {e}", flush=True)


if __name__ == "__main__":
    main()
