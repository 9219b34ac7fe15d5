# SPDX-License-Identifier: GPL-2.0
"""Counts packets that leave the uplink on another queue than their lane."""

import json
from pathlib import Path

from lib import gre_devices
from lib import pktgen
from lib.shell import run


class Misdirected:
    """Sets XPS so that each CPU is sent to another queue than its own number."""

    def __init__(self, dev, queues, cpus):
        self._old = {}
        self._maps = {}
        for queue in range(queues):
            mask = sum(1 << cpu for cpu in range(cpus) if (cpu + 1) % queues == queue)
            path = Path("/sys/class/net", dev, "queues", f"tx-{queue}", "xps_cpus")
            self._maps[path] = f"{mask:x}"

    def __enter__(self):
        self._old = {path: path.read_text(encoding="ascii") for path in self._maps}
        self._write(self._maps)

    def __exit__(self, *_):
        self._write(self._old)

    @staticmethod
    def _write(maps):
        for path, mask in maps.items():
            path.write_text(f"{mask.strip()}\n", encoding="ascii")


def per_queue(dev):
    """Packets that each queue of the uplink has sent: the classes of mq."""
    classes = [entry for entry in json.loads(run(f"tc -j -s class show dev {dev}"))
               if entry["class"] == "mq"]
    if not classes:
        raise RuntimeError(f"{dev} has no mq, whose classes count for each queue")
    classes.sort(key=lambda entry: int(entry["handle"].split(":")[1], 16))
    return [entry["stats"]["packets"] for entry in classes]


def turn(uplink, dev, plan, count):
    """Sends count packets on each lane of a plan, lane to CPU; how many left elsewhere."""
    before = per_queue(uplink.dev)
    pktgen.clear()
    for lane, cpu in plan.items():
        pktgen.add(dev, cpu, lane=lane, count=count)
    pktgen.start()
    left = [now - old for now, old in zip(per_queue(uplink.dev), before)]
    if sum(left) < count * len(plan):
        raise RuntimeError(f"{count * len(plan)} sent, {left} left the uplink")
    return sum(max(0, n - count * (lane in plan)) for lane, n in enumerate(left))


def lanes(options, report):
    """Sends on each lane, from each CPU, and looks where the packets come out."""
    gre_devices.load()
    cpus = len(pktgen.threads())
    with gre_devices.Uplink("lan", options, "mq") as uplink:
        queues = uplink.queues
        lanes_at_once = min(cpus, queues)
        count = options["packets"] // (lanes_at_once * queues)
        # pktgen reaches the last lane only if the device has one more.
        dev = uplink.tunnel("mqgre", 100, queues=queues + 1)
        sent = outside = 0
        with Misdirected(uplink.dev, queues, cpus):
            for shift in range(queues):
                plan = {(cpu + shift) % queues: cpu for cpu in range(lanes_at_once)}
                outside += turn(uplink, dev, plan, count)
                sent += count * lanes_at_once
                report.say(f"{sent} packets, {outside} outside their lane")
    report.sample("sent", sent, "packets")
    report.sample("outside their lane", outside, "packets")
