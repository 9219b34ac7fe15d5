# SPDX-License-Identifier: GPL-2.0
"""What it costs to send a frame through a tunnel, on one CPU."""

from contextlib import ExitStack

from lib import gre_devices
from lib import pktgen
from lib.rounds import interleave
from lib.rounds import repeat

ROWS = ("bare", "gretap", "gretap-mq", "mqgre", "mqgre-udp")
QDISCS = {"noqueue": "noqueue", "mq+fq_codel": "mq"}


def send(uplink, row, dev, count, **options):
    """Sends frames on lane 0 and returns pktgen's result; all must arrive below."""
    lane = None if row == "gretap" else 0
    pktgen.clear()
    name = pktgen.add(dev, 0, lane=lane, count=count, **options)
    before = uplink.sent()
    pktgen.start()
    result = pktgen.Result(name)
    uplink.check_sent(before, count)
    return result


def tx(options, report):
    """Cost per packet of every device, on uplinks of each kind."""
    gre_devices.load()
    columns = QDISCS if not options.get("dev") else {"noqueue": None}
    with ExitStack() as stack:
        devices = {}
        for column, qdisc in columns.items():
            uplink = stack.enter_context(gre_devices.Uplink(column[:2], options, qdisc))
            for row in ROWS:
                dev = uplink.tunnel(row, 100 + len(devices))
                if dev:
                    devices[column, row] = uplink, dev
                else:
                    report.say(f"there is no {row}: {uplink.refusal}")

        def sample(key):
            uplink, dev = devices[key]
            return repeat(options["repeat"], lambda: send(
                uplink, key[1], dev, options["count"], size=options["size"]).ns())

        for (column, row), number, value in interleave(options["rounds"], devices, sample):
            report.sample(row, value, "ns", column, number)
            if row == "mqgre":
                report.say(f"round {number + 1} of {options['rounds']}, {column}: {value:.0f} ns")


def tx_1024(options, report):
    """The same for frames of a usual size."""
    tx(options, report)
