#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_shared.sh, and what the others see.

usage: mqgre_shared.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B [flood]

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import struct
import sys
import time

import badpkt
import wire
from shapes import SHAPES
from sniffer import Sniffer
from wire import gre, ip


def verdict(name, got, want):
    if sorted(got) == sorted(want):
        print(f"PASS {name}", flush=True)
        return
    odd = [f.hex() for f in got if f not in want][:1]
    miss = [f.hex() for f in want if f not in got][:1]
    print(f"FAIL {name}: {len(got)} of {len(want)}, unwanted {odd}, missing {miss}",
          flush=True)


def outside(b, count):
    """The GRE packets on the wire, once they are count, or a minute is over."""
    found, end = [], time.monotonic() + 60
    while len(found) < count and time.monotonic() < end:
        found += filter(b.encap.ours, b.far.frames())
    return [b.encap.unwrap(f[14:]) for f in found]


class Shared(badpkt.Bench):
    """A bench with others that listen."""

    def __init__(self, encap, shape, ns_a, ns_b):
        wire.enter(ns_a)
        self.far = Sniffer("eth0")
        # Before the bench's own, so that they hold clones when it changes them.
        wire.enter(ns_b)
        self.near, self.mirror = Sniffer("eth0"), Sniffer("d0", sent=True)
        self.copy, self.own = Sniffer("d1", sent=True), Sniffer("m7", sent=True)
        super().__init__(encap, shape, ns_a, ns_b)
        self.out = wire.Linear("m7") if shape == "linear" else wire.Paged("m7")

    def receive(self, name, outer, bodies):
        """Frames with these IPv4 or IPv6 packets, marked outside as outer."""
        sent, want = [], []
        for kind, body in bodies:
            packet = gre(self.inner(kind=kind, payload=body), key=7)
            counter, frame = self.judge(packet, outer)
            want += [frame] if frame and not counter else []
            sent.append(self.encap.wrap(packet, tos=outer))
        self.near.frames()
        self.mirror.frames()
        self.send(*sent)
        got = self.barrier()
        verdict(f"{name}: delivered", got or [], want)
        # In fragments the others see the fragments; their bytes are in there.
        whole = [self.head + packet for packet in sent]
        for who, sniffer in (("a packet tap", self.near), ("a mirror", self.mirror)):
            seen = sniffer.frames()
            if isinstance(self.sender, SHAPES["list"]):
                seen = b"".join(f[34 if not self.encap.v6 else 62:] for f in seen)
                missing = [p for p in sent if p[self.encap.overhead:] not in seen]
                verdict(f"{name}: {who} sees what was sent", missing, [])
            else:
                verdict(f"{name}: {who} sees what was sent",
                        [f for f in seen if f in whole], whole)

    def transmit(self, name, frames):
        """Frames out of m7: as they are for the others, and in GRE outside."""
        for sniffer in (self.far, self.copy, self.own):
            sniffer.frames()
        for frame in frames:
            self.out.send(frame)
        verdict(f"{name}: the tunnel's packets", outside(self, len(frames)),
                [gre(f, key=7) for f in frames])
        verdict(f"{name}: a mirror sees the frames", self.copy.frames(), frames)
        verdict(f"{name}: a packet tap sees the frames", self.own.frames(), frames)


def inside(rng, ecn):
    """IPv4 and IPv6 packets with this congestion field."""
    out = []
    for _ in range(10):
        data = rng.randbytes(rng.randrange(8, 900))
        out.append((0x0800, ip("10.7.0.1", "10.7.0.9", data, 253, tos=ecn)))
        head = struct.pack("!IHBB", 6 << 28 | ecn << 20, len(data), 59, 9)
        out.append((0x86dd, head + rng.randbytes(32) + data))
    return out


def alone(args):
    b, rng = Shared(*args), badpkt.seed()
    b.receive("received, nothing to change", 0, inside(rng, 1))
    b.receive("received, congestion to be marked", 3, inside(rng, 2))
    frames = [b.inner(size) for size in (14, 60, 61, 200, 1000, 1400)]
    frames += [b.inner(kind=kind, payload=body) for kind, body in inside(rng, 1)]
    b.transmit("sent", frames)


def flooded(args):
    """A frame from a bridge port, to both tunnels at once."""
    encap, shape, ns_a, ns_b = args
    b, rng = Shared(encap, shape, ns_a, ns_b), badpkt.seed()
    wire.enter(ns_a)
    port = SHAPES[shape]("p1")
    b.far.frames()
    want = []
    for n in range(50):
        frame = b"\xff" * 6 + b"\x02\0\0\0\0" + bytes([n]) + b"\x88\xb5"
        frame += rng.randbytes(rng.randrange(1, 1300))
        port.send(frame)
        want += [b.gre(frame, 7), b.gre(frame, 8)]
    verdict("each tunnel sends what is its own", outside(b, len(want)), want)


def main():
    args = sys.argv[1:]
    if args[4:] == ["flood"]:
        flooded(args[:4])
    elif len(args) == 4:
        alone(args)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
