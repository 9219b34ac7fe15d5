# SPDX-License-Identifier: GPL-2.0
"""What a frame of 64 kB costs that is cut below the tunnel."""

import time

from lib import gre_devices
from lib import gso
from lib.rounds import interleave
from lib.rounds import repeat

ROWS = ("bare", "gretap", "mqgre")
# What a guest's TCP sends at most is some headers short of 64 kB.
PAYLOAD = 64000


def send(uplink, dev, count):
    """Nanoseconds for each of count frames; all must arrive below."""
    sender = gso.Sender(dev, PAYLOAD)
    before = uplink.sent()
    start = time.monotonic_ns()
    sender.send(count)
    took = time.monotonic_ns() - start
    sender.close()
    uplink.check_sent(before, count)
    return took / count


def gso_tx(options, report):
    """Cost per frame on an uplink that takes GSO as it is, as big NICs do."""
    gre_devices.load()
    with gre_devices.Uplink("gso", options) as uplink:
        devices = {row: uplink.tunnel(row, 100 + n) for n, row in enumerate(ROWS)}

        def sample(row):
            return repeat(options["repeat"], lambda: send(uplink, devices[row], options["count"]))

        for row, number, value in interleave(options["rounds"], devices, sample):
            report.sample(row, value, "ns", "", number)
    report.say(f"{options['rounds']} rounds")
