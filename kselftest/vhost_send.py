#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays a VM whose tap is driven by vhost-net.

usage: vhost_send.py TAP QUEUES DST-MAC FLOWS FRAMES [LENGTH]

Attaches QUEUES queues to TAP and says "ready" when its bridge forwards. Then,
for each line of standard input, which names some queues, sends on each of them
FRAMES UDP frames of each of FLOWS flows, in one go, and says "done"; to the
line "received" it says how many frames have come on each queue since the last
such line.
"""

import sys

from tap_send import frame, wait_for_bridge
from vhost import Queue


def main():
    if len(sys.argv) not in (6, 7):
        raise SystemExit(__doc__)
    tap, queues, dst, flows, frames = sys.argv[1:6]
    length = int(sys.argv[6]) if len(sys.argv) > 6 else 18
    vm = [Queue(tap) for _ in range(int(queues))]
    wait_for_bridge(tap)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "received":
            print(*(queue.received() for queue in vm), flush=True)
            continue
        for q in map(int, line.split()):
            vm[q].send([frame(dst, q, flow, length)
                        for _ in range(int(frames))
                        for flow in range(int(flows))])
        print("done", flush=True)


if __name__ == "__main__":
    main()
