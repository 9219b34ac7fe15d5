# SPDX-License-Identifier: GPL-2.0
"""Rounds of samples, and what is worked out from them.

A measurement has several rows that are compared. They are sampled in turn,
round by round, so that whatever drifts on the machine drifts for all of them.
"""

from statistics import median


def interleave(rounds, rows, sample):
    """Yields (row, round, value) of sample(row) for every row in every round.

    A round before the first warms up and is thrown away. Each round begins
    with another row, so that none always follows the same one.
    """
    rows = list(rows)
    for row in rows:
        sample(row)
    for number in range(rounds):
        first = number % len(rows)
        for row in rows[first:] + rows[:first]:
            yield row, number, sample(row)


def repeat(times, take, choose=min):
    """One of several values: the least, since what disturbs a run only adds to it."""
    return choose(take() for _ in range(times))


def spread(values):
    """Half the way from the least to the greatest, as a share of the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


class Samples:
    """Samples by (place, part, column, row), in the order of their rounds."""

    def __init__(self):
        self.raw = []
        self._values = {}

    def add(self, sample):
        """Takes a dict with place, part, column, row, value and unit."""
        self.raw.append(sample)
        self._values.setdefault(self._key(sample), []).append(sample["value"])

    @staticmethod
    def _key(sample):
        return tuple(sample[name] for name in ("place", "part", "column", "row"))

    def keys(self):
        return list(self._values)

    def get(self, place, part, column, row):
        """The values of all rounds; none if the row was not measured."""
        return self._values.get((place, part, column, row), [])

    def unit(self, key):
        return next(s["unit"] for s in self.raw if self._key(s) == key)


def over(values, base):
    """Round by round, how much values are above base."""
    return [value - low for value, low in zip(values, base)]


def ratio(above, below):
    """The median of the rounds' own ratios; None if there is none."""
    ratios = [a / b for a, b in zip(above, below) if b]
    return median(ratios) if ratios else None
