# SPDX-License-Identifier: GPL-2.0
"""How many packets several threads push through a tunnel at once."""

from statistics import median_low

from lib import gre_devices
from lib import pktgen
from lib.rounds import interleave
from lib.rounds import repeat

ROWS = ("bare", "gretap", "gretap-mq", "mqgre")
THREADS = (1, 2)


def send(uplink, row, dev, count, seconds):
    """Packets per second that left the uplink, and the share that did not."""
    pktgen.clear()
    names = [pktgen.add(dev, n, lane=None if row == "gretap" else n) for n in range(count)]
    before = uplink.sent()
    pktgen.start(seconds)
    results = [pktgen.Result(name) for name in names]
    offered = sum(result.sent + result.errors for result in results)
    # A queueing discipline takes packets that it drops later.
    left = uplink.sent() - before if uplink.made else sum(result.sent for result in results)
    return left * 1e6 / max(result.usec for result in results), 1 - left / offered


def threads(options, report):
    """Packets per second of one thread, and of two on lanes of their own."""
    gre_devices.load()
    with gre_devices.Uplink("thr", options, "mq") as uplink:
        devices = {row: uplink.tunnel(row, 100 + n) for n, row in enumerate(ROWS)}

        def sample(key):
            count, row = key
            return repeat(options["repeat"], lambda: send(
                uplink, row, devices[row], count, options["seconds"]), median_low)

        keys = [(count, row) for row in devices for count in THREADS]
        for (count, row), number, (rate, lost) in interleave(options["rounds"], keys, sample):
            column = f"{count} thread{'s' * (count > 1)}"
            report.sample(row, rate, "packets/s", column, number)
            if row in ("gretap", "mqgre") and count == 2:
                report.say(f"round {number + 1} of {options['rounds']}, {row}, {column}: "
                           f"{rate:,.0f} packets/s, {lost:.0%} lost")
