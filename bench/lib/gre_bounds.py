# SPDX-License-Identifier: GPL-2.0
"""What mqgre must reach, worked out from the samples."""

from statistics import median

from lib.report import bound
from lib.rounds import over
from lib.rounds import ratio

CPUS = ("1 thread", "2 threads")


class Measured:
    """Questions that are asked of the samples; None where some are missing."""

    def __init__(self, samples):
        self._samples = samples

    def _columns(self, place, part):
        return dict.fromkeys(key[2] for key in self._samples.keys() if key[:2] == (place, part))

    def rows(self, place, part, column, *rows):
        return [self._samples.get(place, part, column, row) for row in rows]

    def encapsulation(self, place, part, row, other):
        """Cost of a row over the bare uplink as a share of another's; the worst column."""
        found = []
        for column in self._columns(place, part):
            bare, this, that = self.rows(place, part, column, "bare", row, other)
            found.append(ratio(over(this, bare), over(that, bare)))
        return max((value for value in found if value is not None), default=None)

    def throughput(self, place, part):
        """Packets that mqgre sends in the time that gretap takes for one."""
        found = [ratio(*self.rows(place, part, column, "gretap", "mqgre"))
                 for column in self._columns(place, part)]
        return min((value for value in found if value is not None), default=None)

    def scaling(self, place, row="mqgre"):
        """What a second thread brings."""
        one, two = (self._samples.get(place, "threads", cpus, row) for cpus in CPUS)
        return ratio(two, one)

    def two_threads(self, place):
        """What two threads push through mqgre as a multiple of gretap."""
        return ratio(*self.rows(place, "threads", CPUS[1], "mqgre", "gretap"))

    def outside(self, place):
        counts, = self.rows(place, "lanes", "", "outside their lane")
        return counts[0] if counts else None

    def foreign(self, place):
        """What the hook adds to a packet that is not ours, in the clock's unit."""
        with_hook, without = self.rows(place, "foreign", "", "with a tunnel", "without a tunnel")
        return median(over(with_hook, without)) if with_hook else None

    def foreign_ns(self, icount, native):
        """The same in instructions, at the native pace of the bare uplink's path."""
        added = self.foreign(icount)
        slow, = self.rows(native, "tx", "noqueue", "bare")
        fast, = self.rows(icount, "tx", "noqueue", "bare")
        return added * median(slow) / median(fast) if added is not None and slow and fast else None


def bounds(samples, here):
    """A line for each row of the table; on a real machine, those of native time."""
    measured = Measured(samples)
    native, smp = ("here", "here") if here else ("uml", "uml-smp")
    lines = []

    def line(name, value, op, limit, note=""):
        lines.append(bound(name, value, op, limit, note))

    def scaling(name, place):
        bare = measured.scaling(place, "bare")
        note = f"(the bare uplink: {bare:.2f})" if bare else ""
        line(f"2 threads / 1 thread, {name}", measured.scaling(place), ">=", 1.9, note)

    clocks = [(native, "native time")]
    if not here:
        clocks.insert(0, ("icount", "instructions"))
    for place, clock in clocks:
        limits = (0.33, 0.37) if place == "icount" else (0.45, 0.45)
        for other, name, limit in zip(("gretap", "gretap-mq"),
                                      ("gretap", "gretap with queues, noqueue"), limits):
            line(f"encapsulation / that of {name}, {clock}",
                 measured.encapsulation(place, "tx", "mqgre", other), "<=", limit)
    for place, clock in clocks:
        line(f"receiving / that of gretap, {clock}",
             measured.encapsulation(place, "rx", "mqgre", "gretap"), "<=", 0.75)
    scaling("native", smp)
    if not here:
        scaling("emulated", "tcg")
    line("2 threads, mqgre / gretap, native", measured.two_threads(smp), ">=", 5)
    line("packets outside their lane, of 10 M", measured.outside(smp), "==", 0)
    for place, clock in clocks:
        line(f"GRE in UDP / plain GRE, {clock}",
             measured.encapsulation(place, "tx", "mqgre-udp", "mqgre"), "<=", 1.15)
    line("throughput / that of gretap, 1,024 bytes, native",
         measured.throughput(native, "tx_1024"), ">=", 1.0)
    line("throughput / that of gretap, 64 kB, native",
         measured.throughput(native, "gso_tx"), ">=", 1.0)
    foreign = measured.foreign(native) if here else measured.foreign_ns("icount", native)
    line("hook for foreign packets, ns", foreign, "<=", 20)
    return lines
