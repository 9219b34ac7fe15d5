# SPDX-License-Identifier: GPL-2.0
"""What vpc_hook must reach, worked out from the samples."""

from statistics import median

from lib import vpc_commit
from lib import vpc_cost
from lib import vpc_entries
from lib import vpc_rules
from lib.report import bound
from lib.rounds import over
from lib.rounds import ratio


class Measured:
    """Questions that are asked of the samples; None where some are missing."""

    def __init__(self, samples):
        self._samples = samples

    def rows(self, place, part, column, *rows):
        return [self._samples.get(place, part, column, row) for row in rows]

    def ratio(self, place, part, column, row, other):
        return ratio(*self.rows(place, part, column, row, other))

    def median(self, place, part, column, row):
        values, = self.rows(place, part, column, row)
        return median(values) if values else None

    def total(self, place, part, row):
        values, = self.rows(place, part, "", row)
        return sum(values) if values else None

    def hook(self, place, column):
        """The way with vpc_hook, as a multiple of static forwarding."""
        return self.ratio(place, "way", column, vpc_cost.HOOK, vpc_cost.STATIC)

    def rules(self, place, column):
        """What the many rules add to a packet, in the clock's unit, and their time as a multiple
        of that of the few: of the rules alone, and of the packet's whole way."""
        none, few, many = self.rows(place, "rules_of_a_port", column,
                                    vpc_rules.NONE, vpc_rules.FEW, vpc_rules.MANY)
        if not (none and few and many):
            return None, None, None
        added = over(many, none)
        return median(added), ratio(added, over(few, none)), ratio(many, few)

    def pace(self, icount, native):
        """Nanoseconds that an instruction takes on the way with static forwarding."""
        fast, = self.rows(icount, "way", vpc_cost.RECEIVED, vpc_cost.STATIC)
        slow, = self.rows(native, "way", vpc_cost.RECEIVED, vpc_cost.STATIC)
        return median(slow) / median(fast) if slow and fast else None


def bounds(samples, here):
    """A line for each row of the table; on a real machine, those of native time."""
    measured = Measured(samples)
    lines = []

    def line(name, value, op, limit, note=""):
        lines.append(bound(name, value, op, limit, note))

    native, smp = ("here", "here") if here else ("uml", "tcg")
    # The way in time, beside the bound, which is on instructions: User-mode Linux has no column with
    # tun's part.
    stack = measured.hook(native, vpc_cost.RECEIVED)
    note = f"(without tun's part, native time: {stack:.2f})" if stack else ""
    line("no rules / static forwarding, " + ("native time" if here else "instructions"),
         measured.hook("here" if here else "icount", vpc_cost.WRITTEN), "<=", 1.03, note)
    load = "entries_load"
    size = [measured.median(native, load, column, vpc_entries.MANY_ROW)
            for column in (vpc_entries.SLAB, vpc_entries.ALL)]
    line("1 M entries: bytes each", None if None in size else max(size), "<=", 160)
    line("1 M entries: seconds to load",
         measured.median(native, load, vpc_entries.SECONDS, vpc_entries.MANY_ROW), "<=", 10)
    # A few ns are lost in the noise of the whole way; instructions are not.
    searches = [(native, vpc_entries.WAY, "the whole way, native time")]
    if not here:
        searches.insert(0, ("icount", vpc_entries.LOOKUP, "the lookup alone, instructions"))
    for place, column, name in searches:
        line(f"1 M entries / 10, {name}",
             measured.ratio(place, "entries_lookup", column,
                            vpc_entries.MANY_ROW, vpc_entries.FEW_ROW), "<=", 1.3)
    for column in vpc_rules.TRAFFIC:
        added, alone, whole = measured.rules(native, column)
        if here:
            line(f"10,000 rules, {column}: ns more than none", added, "<=", 75)
        else:
            # As for the hook of mq_gre: instructions, at the native pace.
            more, _, _ = measured.rules("icount", column)
            pace = measured.pace("icount", native)
            line(f"10,000 rules, {column}: ns-equivalents more than none",
                 more * pace if more is not None and pace else None, "<=", 75,
                 f"(native time: {added:.0f} ns)" if added is not None else "")
        line(f"10,000 rules / 10, {column}", whole, "<=", 2,
             f"(of what rules add: {alone:.1f})" if alone is not None else "")
    for row in (vpc_commit.LOST, vpc_commit.WRONG, vpc_commit.SEEN):
        line(f"new configuration of 100,000 entries: {row}",
             measured.total(smp, "commit", row), "==", 0)
    return lines
