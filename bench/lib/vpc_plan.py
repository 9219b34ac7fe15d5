# SPDX-License-Identifier: GPL-2.0
"""The parts of bench/vpc: what is run where, and how long."""

from lib.plan import part

ICOUNT = {"place": "icount", "repeat": 1, "count": 2000}
# Shorter than the time slices of a busy machine, so that some are undisturbed.
NATIVE = {"place": "uml", "repeat": 12, "count": 5000, "here": True}

PARTS = (
    part("icount-way", call="vpc_cost.way", written=True, **ICOUNT,
         title="no rules, 60 bytes: instructions per packet"),
    part("icount-rules", call="vpc_rules.rules_of_a_port", **ICOUNT,
         title="VM to wire, stateless rules: instructions per packet"),
    part("icount-lookup", call="vpc_entries.entries_lookup", **ICOUNT,
         title="VM to wire, 10 destinations in use: instructions per packet"),
    part("native-way", call="vpc_cost.way", written=False, **NATIVE,
         title="no rules, 60 bytes: native ns per packet"),
    part("native-rules", call="vpc_rules.rules_of_a_port", **NATIVE,
         title="VM to wire, stateless rules: native ns per packet"),
    part("native-load", "uml", "vpc_entries.entries_load", here=True,
         title="a million entries, by netlink on one core"),
    part("native-lookup", call="vpc_entries.entries_lookup", **NATIVE,
         title="VM to wire, 10 destinations in use: native ns per packet"),
    part("tcg-commit", "tcg", "vpc_commit.commit", here=True, entries=100_000, commits=5,
         title="a new configuration of 100,000 entries under traffic: packets"),
)
