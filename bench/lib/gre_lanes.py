# SPDX-License-Identifier: GPL-2.0
"""Counts packets that leave the uplink on another queue than their lane."""

import json
from pathlib import Path

from lib import gre_devices
from lib import pktgen
from lib.shell import run


def misdirect(dev, queues, cpus):
    """Sets XPS so that no CPU is sent to the queue whose number it has."""
    for queue in range(queues):
        chosen = [cpu for cpu in range(cpus) if (cpu + 1) % queues == queue]
        mask = sum(1 << cpu for cpu in chosen)
        path = Path("/sys/class/net", dev, "queues", f"tx-{queue}", "xps_cpus")
        path.write_text(f"{mask:x}\n", encoding="ascii")


def per_queue(dev):
    """Packets that each queue of the uplink has sent: the classes of mq."""
    classes = json.loads(run(f"tc -j -s class show dev {dev}"))
    return [entry["stats"]["packets"] for entry in
            sorted((c for c in classes if c["class"] == "mq"),
                   key=lambda c: int(c["handle"].split(":")[1], 16))]


def lanes(options, report):
    """Sends on each lane, from each CPU, and looks where the packets come out."""
    gre_devices.load()
    uplink = gre_devices.Uplink("lan", options, "mq")
    cpus = len(pktgen.threads())
    misdirect(uplink.dev, uplink.queues, cpus)
    # pktgen reaches the last lane only if the device has one more.
    dev = uplink.tunnel("mqgre", 100, queues=uplink.queues + 1)
    count = options["packets"] // (cpus * uplink.queues)
    sent = outside = 0
    for shift in range(uplink.queues):
        plan = {(cpu + shift) % uplink.queues: cpu for cpu in range(cpus)}
        before = per_queue(uplink.dev)
        pktgen.clear()
        for lane, cpu in plan.items():
            pktgen.add(dev, cpu, lane=lane, count=count)
        pktgen.start()
        left = [now - old for now, old in zip(per_queue(uplink.dev), before)]
        if sum(left) != count * len(plan):
            raise RuntimeError(f"{count * len(plan)} sent, {left} left the uplink")
        sent += sum(left)
        outside += sum(max(0, left[lane] - count * (lane in plan)) for lane in range(len(left)))
        report.say(f"{sent} packets, {outside} outside their lane")
    report.sample("sent", sent, "packets")
    report.sample("outside their lane", outside, "packets")
    uplink.remove()
