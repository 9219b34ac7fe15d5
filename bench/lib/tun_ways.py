# SPDX-License-Identifier: GPL-2.0
"""A host with taps, whose queues are chosen in the ways that are compared."""

import os
from contextlib import ExitStack
from pathlib import Path

from lib import gre_devices
from lib import shell
from lib.shell import ROOT
from lib.shell import run
from lib.tun_taps import Tap

UPLINK = "up-tun"
# Lane of queue 0 of each tap.
BASE = 1


class Host:
    """Taps of this machine, and an uplink that has a queue for each lane."""

    def __init__(self, queues, room):
        self._queues, self._room = queues, room
        self._stack = ExitStack()
        self._taps = self._stack.enter_context(ExitStack())

    def __enter__(self):
        if Path("/sys/module/tun_mq").exists():
            raise RuntimeError("tun_mq is loaded already, and may be in use")
        gre_devices.quiet()
        shell.load("tun")
        shell.load("dummy")
        queues = f"numtxqueues {self._queues} numrxqueues {self._queues}"
        run(f"ip link add {UPLINK} {queues} type dummy")
        self._stack.callback(run, f"ip link del {UPLINK}")
        run(f"ip link set {UPLINK} up")
        return self

    def __exit__(self, *_):
        self._taps.close()
        self.unload()
        self._stack.close()

    def tap(self, dev):
        """A new tap."""
        tap = self._taps.enter_context(Tap(dev, self._queues))
        tap.up(self._room)
        return tap

    @staticmethod
    def load():
        """Loads the module; false if it was."""
        loaded = Path("/sys/module/tun_mq").exists()
        shell.ours("tun_mq")
        return not loaded

    @staticmethod
    def unload():
        if Path("/sys/module/tun_mq").exists():
            run("rmmod tun_mq")

    @staticmethod
    def manage(tap, mode):
        run(f"{ROOT}/build/bin/vpcctl lanes set {tap.dev} --uplink {UPLINK}",
            f"--base {BASE} --mode {mode}")

    def patched(self):
        """Has the patched tun loaded; false if it cannot be. All taps go."""
        file = Path(f"{ROOT}/build/tun-patched/{os.uname().release}/tun.ko")
        self._taps.close()
        users = Path("/sys/module/tun/refcnt")
        if not file.exists() or not users.exists():
            return False
        if users.read_text(encoding="ascii").strip() != "0":
            return False
        run("rmmod tun")
        self._stack.callback(self._stock)
        run("insmod", file)
        return True

    def _stock(self):
        run("rmmod tun")
        shell.load("tun")

    def lane_of(self, queue):
        """The lane that leads to a queue."""
        return (BASE + queue) % self._queues


def check(row, counts, expected):
    """Complains unless packets came by the rings expected; None is all of them."""
    # pktgen climbs to the lane that it is told, with a packet on each below.
    used = [queue for queue, count in enumerate(counts) if count > len(counts)]
    if used != list(range(len(counts)) if expected is None else expected):
        raise RuntimeError(f"{row}: packets came by the queues {counts}")
