#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests what the benchmarks work out of their samples."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from lib import frames
from lib import gre_bounds
from lib import gre_lanes
from lib import report
from lib import rounds


def samples(values):
    """Samples from {(place, part, column, row): [value, ...]}."""
    found = rounds.Samples()
    for key, numbers in values.items():
        for value in numbers:
            found.add(dict(zip(("place", "part", "column", "row"), key), value=value, unit="ns"))
    return found


def named(lines, start):
    return next(line for line in lines if line["name"].startswith(start))


class Rounds(unittest.TestCase):
    def test_every_row_in_every_round_and_none_always_first(self):
        calls = []
        found = list(rounds.interleave(3, "ab", lambda row: calls.append(row) or len(calls)))
        self.assertEqual("".join(calls), "ab" + "ab" + "ba" + "ab")
        self.assertEqual([(row, n) for row, n, _ in found],
                         [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)])

    def test_ratio_is_of_each_round(self):
        # The machine was twice as slow in the second round.
        self.assertEqual(rounds.ratio([10, 20, 10], [20, 40, 20]), 0.5)
        self.assertIsNone(rounds.ratio([], []))
        self.assertIsNone(rounds.ratio([1], [0]))

    def test_spread(self):
        self.assertAlmostEqual(rounds.spread([90, 100, 110]), 0.1)


class Bounds(unittest.TestCase):
    TX = {("icount", "tx", column, row): values for column, row, values in (
        ("noqueue", "bare", [100, 100]), ("noqueue", "gretap", [300, 300]),
        ("noqueue", "mqgre", [150, 150]),
        ("mq", "bare", [100, 100]), ("mq", "gretap", [300, 300]), ("mq", "mqgre", [160, 160]))}

    def test_cost_is_over_the_bare_uplink_and_of_the_worst_column(self):
        line = named(gre_bounds.bounds(samples(self.TX), False), "encapsulation / that of gretap, i")
        self.assertAlmostEqual(line["value"], 0.3)
        self.assertTrue(line["ok"])

    def test_what_was_not_measured_is_not_ok(self):
        for line in gre_bounds.bounds(samples({}), False):
            self.assertIsNone(line["value"], line["name"])
            self.assertFalse(line["ok"], line["name"])

    def test_foreign_packets_take_the_native_pace(self):
        values = {("icount", "foreign", "", "without a tunnel"): [1000, 1000],
                  ("icount", "foreign", "", "with a tunnel"): [1100, 1100],
                  ("icount", "tx", "noqueue", "bare"): [2000],
                  ("uml", "tx", "noqueue", "bare"): [200]}
        line = named(gre_bounds.bounds(samples(values), False), "hook")
        self.assertAlmostEqual(line["value"], 10)

    def test_one_packet_outside_is_a_miss(self):
        for outside, ok in ((0, True), (1, False)):
            found = samples({("uml-smp", "lanes", "", "outside their lane"): [outside]})
            self.assertEqual(named(gre_bounds.bounds(found, False), "packets out")["ok"], ok)

    def test_table_tells_miss_from_missing(self):
        lines = [report.bound("a", 1.0, "<=", 2), report.bound("b", 3.0, "<=", 2),
                 report.bound("c", None, "<=", 2)]
        words = [line.split()[-1] for line in report.bounds_table(lines).splitlines()[1:]]
        self.assertEqual(words, ["ok", "MISS", "measured"])


class Lanes(unittest.TestCase):
    def test_two_lanes_are_told_apart(self):
        # 30 of 100 and 20 of 100 packets; the headers take 42 bytes.
        first, second = [70, 20, 10], [20, 80, 0]
        queues = [(a + b, a * 102 + b * 106) for a, b in zip(first, second)]
        self.assertEqual(gre_lanes.sort_out(queues, 100), (first, second))
        with self.assertRaises(RuntimeError):
            gre_lanes.sort_out(queues, 101)


class Frames(unittest.TestCase):
    def test_ipv4_checksum(self):
        packet = frames.ipv4("192.0.2.1", "192.0.2.2", 17, b"abc")
        self.assertEqual(frames.checksum(packet[:20]), 0)

    def test_gre_header(self):
        self.assertEqual(frames.gre(7, b"f"), bytes.fromhex("2000655800000007") + b"f")


if __name__ == "__main__":
    unittest.main()
