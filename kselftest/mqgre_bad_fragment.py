#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_bad_fragment.sh, and what is expected of each.

usage: mqgre_bad_fragment.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import sys
import zlib

from badpkt import JOINING
from badpkt import Bench
from badpkt import stack_counters
from encap import fragments
from encap import piece


class Pieces(Bench):
    """A bench that counts what becomes of fragments."""

    def __init__(self, *args):
        super().__init__(*args)
        # Nobody else's fragments have these.
        self.ident = 1 + zlib.crc32(" ".join(args).encode()) % 60000

    def ids(self):
        self.ident += 1
        return self.ident

    def joined(self, name, packets, deliver=()):
        self.case(name, packets, deliver=deliver)

    def refused(self, name, packets):
        """Nothing arrives, and the stack counts that it could not be joined."""
        before = stack_counters(JOINING)
        self.case(name, packets)
        after = stack_counters(JOINING)
        rise = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        ip = "ip6" if self.encap.v6 else "ip4"
        verdict = "PASS" if rise.get(f"{ip} ReasmFails") else "FAIL"
        print(f"{verdict} {name} (counted): {rise}")


def joined_cases(b):
    for cuts in ((8,), (48,), (8, 16), (16, 56), tuple(range(8, 108, 8))):
        for order, step in (("in order", 1), ("in reverse", -1)):
            f, packet = b.good()
            b.joined(f"fragments cut at {cuts[:4]}, {order}",
                     fragments(packet, b.ids(), *cuts)[::step], [f])
    f, packet = b.good(3000)
    b.joined("a frame longer than the MTU",
             fragments(packet, b.ids(), 1400, 2800), [f])
    f, packet = b.good(3001, "m8")
    b.joined("a frame longer than the MTU, with checksum",
             fragments(packet, b.ids(), 1400, 2800), [f])
    # An IP packet has at most 65535 bytes, headers included; in IPv6 the
    # header is not counted, but to the stack a packet is no longer, either.
    f, packet = b.good(65535 - b.encap.overhead - 8)
    b.joined("a frame as long as can be",
             fragments(packet, b.ids(), *range(1400, 65000, 1400)), [f])
    f, packet = b.good()
    parts = fragments(packet, b.ids(), 48)
    b.joined("the first fragment twice", [parts[0], *parts], [f])
    f, packet = b.good()
    parts = fragments(packet, b.ids(), 48, 56)
    b.joined("the middle one twice", [parts[1], *parts], [f])


def waiting_cases(b):
    """Something is missing: nothing happens until the time is over."""
    _, packet = b.good()
    b.joined("a fragment that stays alone", fragments(packet, b.ids(), 48)[:1])
    _, packet = b.good()
    b.joined("the last fragment alone", fragments(packet, b.ids(), 48)[1:])
    _, packet = b.good()
    parts = fragments(packet, b.ids(), 48, 56)
    b.joined("the middle one is missing", [parts[0], parts[2]])
    for name, start, end in (("lies within", 16, 32), ("is the start of", 0, 40)):
        _, packet = b.good()
        ident = b.ids()
        b.joined(f"the second {name} the first", [
            piece(packet, 0, 64, ident, True),
            piece(packet, start, end, ident, True)])
    _, packet = b.good()
    one, two = b.ids(), b.ids()
    b.joined("halves of two packets", [fragments(packet, one, 48)[0],
                                       fragments(packet, two, 48)[1]])
    _, packet = b.good()
    ident = b.ids()
    b.joined("a hole of 8 bytes", [piece(packet, 0, 48, ident, True),
                                   piece(packet, 56, 108, ident, False)])


def refused_cases(b):
    size = 108 + (8 if b.encap.udp else 0)

    def overlap(name, *spans):
        _, packet = b.good()
        ident = b.ids()
        b.refused(name, [piece(packet, *span[:2], ident, len(span) > 2,
                               b"\xaa" * max(0, span[1] - size))
                         for span in spans])

    more = True
    overlap("the second overlaps the first by 8 bytes",
            (0, 56, more), (48, size))
    overlap("the second covers the first", (16, 32, more), (8, 48, more))
    overlap("the second begins as the first does, and is longer",
            (0, 48, more), (0, 56, more))
    overlap("the GRE header twice, with other options",
            (0, 16, more), (8, 24, more), (24, size))
    overlap("a last fragment that lies before the end",
            (0, 48, more), (48, 56, more), (16, 24))
    overlap("two last fragments, the second shorter", (64, size), (32, 64))
    overlap("a fragment behind the last one", (8, 48), (48, 64, more))
    overlap("a fragment of nothing", (48, 48, more), (0, 48, more))
    packet = b.good()[1] + b"\xbb" * 65500
    b.refused("more than a packet can be",
              fragments(packet, b.ids(), *range(1400, 65535, 1400)))
    if b.encap.v6:
        overlap("a length that is no multiple of 8", (0, 44, more), (48, size))


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    b = Pieces(*sys.argv[1:])
    for cases in (joined_cases, waiting_cases, refused_cases):
        cases(b)


if __name__ == "__main__":
    main()
