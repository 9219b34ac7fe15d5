# SPDX-License-Identifier: GPL-2.0
"""What a frame of 64 kB costs that is cut below the tunnel."""

import time

from lib import gre_devices
from lib import gso
from lib import shell
from lib.rounds import interleave

ROWS = ("bare", "gretap", "mqgre")
# What a guest's TCP sends at most is some headers short of 64 kB.
PAYLOAD = 64000


def gso_tx(options, report):
    """Cost per frame on an uplink that takes GSO as it is, as big NICs do."""
    gre_devices.load()
    uplink = gre_devices.Uplink("gso", options)
    devices = {row: uplink.tunnel(row, 100 + n) for n, row in enumerate(ROWS)}

    def sample(row):
        count = options["count"]
        sender = gso.Sender(devices[row], PAYLOAD)
        before = shell.sent(uplink.dev)
        start = time.monotonic_ns()
        sender.send(count)
        took = time.monotonic_ns() - start
        left = shell.sent(uplink.dev) - before
        sender.close()
        if left < count:
            raise RuntimeError(f"{row}: {count} frames sent, {left} left the uplink")
        return took / count

    for row, number, value in interleave(options["rounds"], devices, sample):
        report.sample(row, value, "ns", "", number)
    report.say(f"{options['rounds']} rounds")
    uplink.remove()
