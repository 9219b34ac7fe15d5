# SPDX-License-Identifier: GPL-2.0
"""What mqgre must reach, worked out from the samples."""

from lib import report
from lib.rounds import over
from lib.rounds import ratio


def encapsulation(samples, place, part, row, other):
    """Cost of a row over the bare uplink against another's; the worst column."""
    found = []
    for column in dict.fromkeys(key[2] for key in samples.keys() if key[:2] == (place, part)):
        bare, this, that = (samples.get(place, part, column, name)
                            for name in ("bare", row, other))
        value = ratio(over(this, bare), over(that, bare))
        if value is not None:
            found.append(value)
    return max(found, default=None)


def bounds(samples):
    """A line for each row of the table."""
    def cost(*names):
        return encapsulation(samples, *names)

    return [
        report.bound("encapsulation, instructions, of gretap",
                     cost("icount", "tx", "mqgre", "gretap"), "<=", 0.33),
        report.bound("encapsulation, instructions, of gretap with queues and noqueue",
                     cost("icount", "tx", "mqgre", "gretap-mq"), "<=", 0.37),
        report.bound("encapsulation, native time, of gretap",
                     cost("uml", "tx", "mqgre", "gretap"), "<=", 0.45),
        report.bound("encapsulation, native time, of gretap with queues and noqueue",
                     cost("uml", "tx", "mqgre", "gretap-mq"), "<=", 0.45),
    ]
