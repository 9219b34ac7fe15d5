#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Enables and disables queues of the tap that a process is attached to, as its
guest does when it changes the number of its queues.

usage: tap_queue.py PID QUEUE on|off [QUEUE on|off]... [TIMES]

QUEUE is by the order in which the process opened them. With TIMES, all of it
so many times over.
"""

import os
import sys

import tap_hold
import tap_steer


def queues_of(pid):
    """All queues that the process has, in the order of its descriptors."""
    folder = f"/proc/{pid}/fd"
    mine = [int(name) for name in os.listdir(folder)
            if os.readlink(f"{folder}/{name}") == "/dev/net/tun"]
    owner = os.pidfd_open(pid)
    return [tap_steer.call(tap_steer.SYS_PIDFD_GETFD, owner, fd, 0) for fd in sorted(mine)]


def main():
    words = sys.argv[2:]
    if len(words) < 2:
        raise SystemExit(__doc__)
    times = int(words.pop()) if len(words) % 2 else 1
    fds = queues_of(int(sys.argv[1]))
    for _ in range(times):
        for queue, state in zip(words[::2], words[1::2]):
            tap_hold.switch(fds[int(queue)], state == "on")


if __name__ == "__main__":
    main()
