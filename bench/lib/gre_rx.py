# SPDX-License-Identifier: GPL-2.0
"""What it costs to receive: from the uplink to the delivery of the inner frame."""

import json
import os
import time

from lib import frames
from lib import gre_devices
from lib import shell
from lib.bpf import Injector
from lib.gre_devices import NEIGHBOUR
from lib.rounds import interleave
from lib.rounds import repeat
from lib.shell import run

# "gretap, beside" has an mqgre in its namespace that its frames are not for.
ROWS = ("bare", "gretap", "gretap, beside", "mqgre", "mqgre-udp")
KEY = 100
INNER_MACS = ("02:00:00:00:00:99", "02:00:00:00:00:98")
GRE, UDP = 47, 17


class Receiver:
    """A namespace with an uplink and the tunnel of one row.

    Each row has its own, so that none pays for the hook of another.
    """

    def __init__(self, row, size, options):
        self.namespace = shell.Namespace()
        inner = frames.ethernet(*INNER_MACS, frames.ipv4(
            "198.19.0.2", "198.19.0.1", UDP, frames.udp(9, 9, bytes(size - 42))))
        with self.namespace:
            gre_devices.quiet()
            uplink = gre_devices.Uplink("rx", options)
            self.dev = uplink.tunnel(row.split(",")[0], KEY)
            if row.endswith("beside"):
                uplink.tunnel("mqgre", KEY + 1)
            if self.dev:
                sink(self.dev)
                self.injector = Injector(uplink.dev)
                self.frame = outer(uplink, row, inner)

    def receive(self, count):
        """Nanoseconds for each of count frames."""
        start = time.monotonic_ns()
        self.injector.receive(self.frame, count)
        # What was left to the softirq's thread comes first.
        for _ in range(3):
            os.sched_yield()
        return (time.monotonic_ns() - start) / count

    def sample(self, times, count):
        """The best of several runs; all frames must be delivered."""
        with self.namespace:
            before = delivered(self.dev)
            value = repeat(times, lambda: self.receive(count))
            arrived = delivered(self.dev) - before
        if arrived != times * count:
            raise RuntimeError(f"{arrived} of {times * count} frames delivered on {self.dev}")
        return value


def sink(dev):
    """All that a device delivers is dropped, and counted."""
    for module in ("sch_ingress", "cls_matchall", "act_gact"):
        shell.load(module)
    run(f"tc qdisc replace dev {dev} clsact")
    run(f"tc filter replace dev {dev} ingress prio 1 matchall action drop")


def delivered(dev):
    out = json.loads(run(f"tc -j -s filter show dev {dev} ingress"))
    return sum(action["stats"]["packets"] for entry in out
               for action in entry.get("options", {}).get("actions", []))


def outer(uplink, row, inner):
    """A frame as it comes in on the uplink."""
    if row == "bare":
        return inner
    payload, protocol = frames.gre(KEY, inner), GRE
    if row == "mqgre-udp":
        payload, protocol = frames.udp(50000, 4754, payload), UDP
    packet = frames.ipv4(uplink.remote, uplink.local, protocol, payload)
    return frames.ethernet(shell.link(uplink.dev)["address"], NEIGHBOUR, packet)


def rx(options, report):
    """Cost per frame, for those of tunnels and for bare ones."""
    gre_devices.load()
    options.pop("dev", None)
    receivers = {row: Receiver(row, options["size"], options) for row in ROWS}
    for row in [row for row, receiver in receivers.items() if not receiver.dev]:
        report.say(f"there is no {row}")
        del receivers[row]

    def sample(row):
        return receivers[row].sample(options["repeat"], options["count"])

    for row, number, value in interleave(options["rounds"], receivers, sample):
        report.sample(row, value, "ns", "", number)
        if row == "mqgre":
            report.say(f"round {number + 1} of {options['rounds']}: {value:.0f} ns")
