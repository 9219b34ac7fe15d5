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
from lib import tun_bounds
from lib import tun_ways
from lib import vpc_bounds
from lib import vpc_entries
from lib import vpc_rules


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


class TunBounds(unittest.TestCase):
    @staticmethod
    def cost(**rows):
        return samples({("icount", "cost", "wire to VM", row.replace("_", " ")): values
                        for row, values in rows.items()})

    def test_saved_is_less_than_stock(self):
        for led, ok in (([2300, 2200], True), ([2400, 2200], False)):
            lines = tun_bounds.bounds(self.cost(stock=[2800, 2700], managed=led), False)
            self.assertEqual(named(lines, "led by its lane")["ok"], ok)

    def test_added_is_over_stock(self):
        found = self.cost(stock=[2800, 2700], not_managed=[2890, 2790], after_rmmod=[2810, 2710])
        lines = tun_bounds.bounds(found, False)
        self.assertEqual(named(lines, "a tap")["value"], 90)
        self.assertTrue(named(lines, "a tap")["ok"])
        self.assertFalse(named(lines, "after")["ok"])

    def test_throughput_is_of_each_round(self):
        rates = {("tcg", "threads", "2 threads", "pktgen alone"): [200, 100, 200],
                 ("tcg", "threads", "2 threads", "stock"): [100, 50, 100],
                 ("tcg", "threads", "2 threads", "managed"): [125, 62.5, 125]}
        line = named(tun_bounds.bounds(samples(rates), False), "throughput")
        # 10 ms and 8 ms, 5 ms of them pktgen's.
        self.assertAlmostEqual(line["value"], 5 / 3)
        self.assertIn("1.25", line["note"])

    def test_what_was_not_measured_is_not_ok(self):
        self.assertFalse(any(line["ok"] for line in tun_bounds.bounds(samples({}), False)))

    def test_here_there_are_no_instructions(self):
        names = [line["name"] for line in tun_bounds.bounds(samples({}), True)]
        self.assertFalse([name for name in names if "instructions" in name])


class VpcBounds(unittest.TestCase):
    def test_ratio_is_of_each_round(self):
        found = samples({("icount", "way", "VM to wire", "static"): [1000, 2000, 1000],
                         ("icount", "way", "VM to wire", "vpc_hook"): [1020, 2040, 1020]})
        line = named(vpc_bounds.bounds(found, False), "no rules / static forwarding, i")
        self.assertAlmostEqual(line["value"], 1.02)
        self.assertTrue(line["ok"])

    def test_rules_are_counted_at_the_native_pace(self):
        taken = {("icount", "way", "without tun's part", "static"): [4000, 4000],
                 ("uml", "way", "without tun's part", "static"): [200, 200]}
        for place, times in (("icount", (5000, 5400, 6200)), ("uml", (500, 520, 560))):
            for row, value in zip(vpc_rules.ROWS, times):
                taken[place, "rules_of_a_port", vpc_rules.FLOWS, row] = [value, value]
        lines = vpc_bounds.bounds(samples(taken), False)
        more = named(lines, "10,000 rules, 256 flows: ns-e")
        self.assertAlmostEqual(more["value"], 60)
        self.assertTrue(more["ok"])
        self.assertIn("60 ns", more["note"])
        times = named(lines, "10,000 rules / 10, 256 flows")
        self.assertAlmostEqual(times["value"], 560 / 520)
        self.assertIn("3.0", times["note"])

    def test_memory_is_the_greater_of_both(self):
        row = vpc_entries.MANY_ROW
        for slab, everything in ((100, 170), (170, 100)):
            found = samples({("uml", "entries_load", vpc_entries.SLAB, row): [slab],
                             ("uml", "entries_load", vpc_entries.ALL, row): [everything]})
            line = named(vpc_bounds.bounds(found, False), "1 M entries: bytes")
            self.assertEqual((line["value"], line["ok"]), (170, False))

    def test_one_packet_in_any_round_is_a_miss(self):
        for row in ("packets lost", "packets to the wrong tenant",
                    "packets of one tenant seen by another"):
            found = samples({("tcg", "commit", "", row): [0, 0, 1, 0, 0]})
            line = named(vpc_bounds.bounds(found, False),
                         f"new configuration of 100,000 entries: {row}")
            self.assertEqual((line["value"], line["ok"]), (1, False))

    def test_what_was_not_measured_is_not_ok(self):
        self.assertFalse(any(line["ok"] for line in vpc_bounds.bounds(samples({}), False)))


class VpcRules(unittest.TestCase):
    def test_all_priorities_and_the_last_allows_all(self):
        found = list(vpc_rules.rules(50))
        self.assertEqual([words[0] for words in found],
                         [f"priority={n}" for n in range(1, 51)])
        self.assertEqual(found[-1], ("priority=50", "direction=0", "action=1"))
        self.assertEqual(found, list(vpc_rules.rules(50)))

    def test_entries_in_use_are_the_first(self):
        few, many = (list(vpc_entries.macs(n)) for n in (10, 1000))
        self.assertEqual(many[:10], few)
        self.assertEqual(few[0].hex(":"), "02:00:00:00:00:99")
        self.assertEqual(len(set(many)), 1000)


class TunQueues(unittest.TestCase):
    def test_packets_on_the_way_to_the_lane_do_not_count(self):
        tun_ways.check("led", [1, 1998, 0, 1], [1])
        tun_ways.check("spread", [500, 500, 500, 500], None)

    def test_another_queue_is_told(self):
        for counts, expected in (([0, 0, 2000, 0], [1]), ([0, 1000, 1000, 0], [1]),
                                 ([0, 2000, 0, 0], None)):
            with self.assertRaises(RuntimeError):
                tun_ways.check("row", counts, expected)


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
