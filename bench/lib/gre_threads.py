# SPDX-License-Identifier: GPL-2.0
"""How many packets several threads push through a tunnel at once."""

from lib import gre_devices
from lib import pktgen
from lib.rounds import interleave

ROWS = ("bare", "gretap", "gretap-mq", "mqgre")
THREADS = (1, 2)


def threads(options, report):
    """Packets per second of one thread, and of two on lanes of their own."""
    gre_devices.load()
    uplink = gre_devices.Uplink("thr", options, "mq")
    devices = {row: uplink.tunnel(row, 100 + n) for n, row in enumerate(ROWS)}

    def sample(key):
        count, row = key
        lanes = [None if row == "gretap" else lane for lane in range(count)]
        pktgen.clear()
        names = [pktgen.add(devices[row], n, lane=lane) for n, lane in enumerate(lanes)]
        pktgen.start(options["seconds"])
        results = [pktgen.Result(name) for name in names]
        refused[key] = sum(r.errors for r in results) / sum(r.sent + r.errors for r in results)
        return sum(result.rate() for result in results)

    refused = {}
    keys = [(count, row) for row in devices for count in THREADS]
    for (count, row), number, value in interleave(options["rounds"], keys, sample):
        column = f"{count} thread{'s' * (count > 1)}"
        report.sample(row, value, "packets/s", column, number)
        if refused[count, row] > 0.001:
            report.say(f"{row}, {column}: {refused[count, row]:.0%} of the packets refused")
    report.say(f"{options['rounds']} rounds")
    uplink.remove()
