# SPDX-License-Identifier: GPL-2.0
"""What tun_mq must reach, worked out from the samples."""

from statistics import median

from lib.report import bound
from lib.rounds import over
from lib.rounds import ratio


def bounds(samples, here):
    """A line for each row of the table."""
    lines = []

    def more(row):
        this, stock = (samples.get("icount", "cost", "wire to VM", name)
                       for name in (row, "stock"))
        return median(over(this, stock)) if this and stock else None

    if not here:
        added = more("managed")
        saved = None if added is None else -added
        lines += [
            bound("led by its lane: instructions saved", saved, ">=", 500),
            bound("a tap that is not managed: instructions added", more("not managed"), "<=", 110),
            bound("after the module has gone: instructions added", more("after rmmod"), "<=", 5),
        ]
    place = "here" if here else "tcg"
    led, stock, alone = (samples.get(place, "threads", "2 threads", row)
                         for row in ("managed", "stock", "pktgen alone"))
    # In seconds per packet, so that pktgen's own can be taken off.
    own = [[1 / rate - 1 / least for rate, least in zip(rates, alone)] for rates in (stock, led)]
    whole = ratio(led, stock)
    note = "" if whole is None else f"{whole:.2f} with what pktgen takes for itself"
    lines.append(bound("throughput of 2 threads, led / stock, 10,000 flows, at the tap",
                       ratio(*own), ">=", 1.2, note))
    return lines
