# SPDX-License-Identifier: GPL-2.0
"""The parts of a benchmark: what is run where, and how long."""

from collections import namedtuple

# A part runs lib.MODULE.FUNCTION(options) in a place; --here runs those that
# have here, on this machine. A sample is made of several runs ("repeat").
Part = namedtuple("Part", "name place module function options here title")


def part(name, place, call, title, here=False, **options):
    module, function = call.split(".")
    return Part(name, place, module, function, options, here, title)


def choose(parts, only, here):
    """The parts whose names contain one of the words; all without words."""
    parts = [part for part in parts if part.here or not here]
    if only:
        parts = [part for part in parts if any(word in part.name for word in only)]
    return parts
