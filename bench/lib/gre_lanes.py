# SPDX-License-Identifier: GPL-2.0
"""Counts packets that leave the uplink on another queue than their lane."""

import json
from pathlib import Path

from lib import gre_devices
from lib import pktgen
from lib.shell import run


# Bytes of the frames of two lanes, to tell them apart.
SIZES = 60, 64


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
    """Packets and bytes that each queue of the uplink has sent: the classes of mq."""
    classes = [entry for entry in json.loads(run(f"tc -j -s class show dev {dev}"))
               if entry["class"] == "mq"]
    if not classes:
        raise RuntimeError(f"{dev} has no mq, whose classes count for each queue")
    classes.sort(key=lambda entry: int(entry["handle"].split(":")[1], 16))
    return [(entry["stats"]["packets"], entry["stats"]["bytes"]) for entry in classes]


def sort_out(queues, count):
    """How many packets of each lane came out on each queue: two lists.

    Two lanes sent count packets each, of SIZES; queues has packets and bytes.
    """
    packets, size = (sum(column) for column in zip(*queues))
    if packets != 2 * count:
        raise RuntimeError(f"{2 * count} packets sent, {packets} left the uplink")
    headers = size // packets - sum(SIZES) // 2
    second = [(size - n * (SIZES[0] + headers)) // (SIZES[1] - SIZES[0]) for n, size in queues]
    return [n - other for (n, _), other in zip(queues, second)], second


def turn(uplink, dev, pair, count):
    """Two CPUs send on a lane each at the same time; how many packets left elsewhere."""
    before = per_queue(uplink.dev)
    pktgen.clear()
    for cpu, lane in enumerate(pair):
        # Else pktgen climbs to the lane: its first frames go to those below it.
        pktgen.add(dev, cpu, "flag QUEUE_MAP_RND", lane=lane, size=SIZES[cpu], count=count)
    pktgen.start()
    left = [(n - old_n, size - old_size)
            for (n, size), (old_n, old_size) in zip(per_queue(uplink.dev), before)]
    return sum(sum(came) - came[lane] for lane, came in zip(pair, sort_out(left, count)))


def lanes(options, report):
    """Sends on each lane, from each of two CPUs, and looks where the packets come out."""
    gre_devices.load()
    with gre_devices.Uplink("lan", options, "mq") as uplink:
        queues = uplink.queues
        count = options["packets"] // (2 * queues)
        # pktgen reaches the last lane only if the device has one more.
        dev = uplink.tunnel("mqgre", 100, queues=queues + 1)
        sent = outside = 0
        with Misdirected(uplink.dev, queues, len(pktgen.threads())):
            for lane in range(queues):
                outside += turn(uplink, dev, (lane, (lane + 1) % queues), count)
                sent += 2 * count
                report.say(f"{sent} packets, {outside} outside their lane")
    report.sample("sent", sent, "packets")
    report.sample("outside their lane", outside, "packets")
