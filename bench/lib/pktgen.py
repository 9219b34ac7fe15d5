# SPDX-License-Identifier: GPL-2.0
"""The kernel's packet generator."""

import re
import threading
import time
from pathlib import Path

from lib import shell

PROC = Path("/proc/net/pktgen")


class Result:
    """What one pktgen device has sent."""

    def __init__(self, dev):
        text = (PROC / dev).read_text(encoding="ascii")
        match = re.search(r"Result: OK: (\d+)\(.*?\) usec, (\d+) ", text)
        if not match:
            raise RuntimeError(f"pktgen has no result for {dev}: {text[-200:]}")
        self.usec, self.sent = (int(group) for group in match.groups())
        self.errors = int(re.search(r"errors: (\d+)\s*$", text).group(1))

    def ns(self):
        """Nanoseconds per packet."""
        return self.usec * 1000 / self.sent

    def rate(self):
        """Packets per second."""
        return self.sent * 1e6 / self.usec


def write(name, *lines):
    for line in lines:
        try:
            (PROC / name).write_text(line + "\n", encoding="ascii")
        except OSError as error:
            raise RuntimeError(f"pktgen refuses '{line}' for {name}: {error}") from error


def threads():
    """The numbers of its threads: one for each CPU."""
    shell.load("pktgen")
    return sorted(int(path.name.split("_")[1]) for path in PROC.glob("kpktgend_*"))


def clear():
    """Takes all devices from all threads."""
    for thread in threads():
        write(f"kpktgend_{thread}", "rem_device_all")


def add(dev, thread, *options, lane=None, size=60, count=0):
    """Puts a device on a thread; its frames go through the queueing discipline.

    pktgen writes the queue into the packet without the plus one of a recorded
    receive queue, so lane q is asked for as q + 1. The frames are of 64 flows,
    and their own: no other user holds a reference, as it is for real ones.
    """
    name = f"{dev}@{thread}"
    write(f"kpktgend_{thread}", f"add_device {name}")
    write(name, f"count {count}", "clone_skb 0", f"pkt_size {size}", "delay 0",
          "xmit_mode queue_xmit", "flag !SHARED",
          "dst_mac 02:00:00:00:00:99", "dst 198.19.0.2", "src_min 198.19.0.1",
          "src_max 198.19.0.1", "udp_src_min 1024", "udp_src_max 1087",
          "udp_dst_min 9", "udp_dst_max 9")
    if lane is not None:
        write(name, f"queue_map_min {lane + 1}", f"queue_map_max {lane + 1}")
    write(name, *options)
    return name


def start(seconds=None):
    """Runs until all counts are reached, or for some time."""
    if seconds is None:
        write("pgctrl", "start")
        return
    runner = threading.Thread(target=write, args=("pgctrl", "start"))
    runner.start()
    time.sleep(seconds)
    write("pgctrl", "stop")
    runner.join()
