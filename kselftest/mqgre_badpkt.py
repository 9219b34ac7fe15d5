#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_badpkt.sh, and what is expected of each.

usage: mqgre_badpkt.py linear|paged NAMESPACE-A NAMESPACE-B

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import random
import struct
import sys
import time

import wire
from wire import gre, ip

SRC, DST = "10.1.0.1", "10.1.0.2"
DROPS = ("rx_short rx_bad_header rx_bad_csum rx_bad_proto rx_bad_inner "
         "rx_bad_ecn rx_no_memory").split()
# IEEE 802's local experimental EtherType: no protocol of the host takes it.
LOCAL = 0x88b5


class Bench:
    """The two ends, and the cases tried on them."""

    def __init__(self, how, ns_a, ns_b):
        wire.enter(ns_a)
        src = wire.mac(wire.address("eth0"))
        self.sender = (wire.Linear if how == "linear" else wire.Paged)("eth0")
        wire.enter(ns_b)
        self.outer = wire.mac(wire.address("eth0")) + src + b"\x08\0"
        self.mac = {d: wire.mac(wire.address(d)) for d in ("m7", "m8")}
        self.taps = {d: wire.sniffer(d) for d in ("m7", "m8")}
        self.serial = 0

    def inner(self, size=100, dev="m7", kind=LOCAL, payload=None):
        """A frame of size bytes, unlike any before."""
        self.serial += 1
        mark = struct.pack("!I", self.serial)
        if payload is None:
            # No zero bytes: cutting some off must change a checksum.
            fill = struct.pack("!I", self.serial | 0x80808080)
            payload = (fill * (size // 4 + 1))[:size - 14]
        head = self.mac[dev] + b"\x02\0" + mark + struct.pack("!H", kind)
        return head + payload

    def send(self, *packets):
        for packet in packets:
            self.sender.send(self.outer + packet)

    def counts(self):
        found = {}
        for dev in self.taps:
            now = wire.counters(dev)
            for name in DROPS:
                if now.get(name):
                    found[f"{dev} {name}"] = now[name]
        return found

    def got(self, at_least):
        """Frames delivered; waits for as many, and a little for others."""
        frames, end = [], time.monotonic() + (2 if at_least else 0.02)
        while True:
            for tap in self.taps.values():
                frames += wire.received(tap)
            if time.monotonic() > end or at_least and len(frames) >= at_least:
                return frames
            time.sleep(0.002)

    def case(self, name, packets, expect=None, deliver=(), times=1):
        """expect: the counter, as "m7 rx_short", that goes up by times."""
        before = self.counts()
        self.send(*packets)
        frames = self.got(len(deliver))
        want = dict(before)
        if expect:
            want[expect] = want.get(expect, 0) + times
        after, end = self.counts(), time.monotonic() + 1
        while after != want and time.monotonic() < end:
            after = self.counts()
        why = []
        if after != want:
            why.append(f"counters {before} became {after}, not {want}")
        if frames != list(deliver):
            why.append(f"delivered {[f.hex() for f in frames][:3]} of "
                       f"{len(frames)}, not {[f.hex() for f in deliver][:3]}")
        # Whatever that was: a good packet still passes.
        probe = self.inner()
        self.send(ip(SRC, DST, gre(probe, key=7)))
        if self.got(1) != [probe]:
            why.append("a good packet did not pass after it")
        print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}")

    def good(self, name, packet, frame):
        self.case(name, [packet], deliver=[frame])


def good_cases(b):
    for size in (14, 15, 59, 60, 1472):
        f = b.inner(size)
        b.good(f"good, a frame of {size}", ip(SRC, DST, gre(f, key=7)), f)
    f = b.inner(dev="m8")
    b.good("good, with checksum", ip(SRC, DST, gre(f, key=8, check="good")), f)
    f = b.inner(101, dev="m8")
    b.good("good, with checksum over an odd length",
           ip(SRC, DST, gre(f, key=8, check="good")), f)
    f = b.inner()
    b.good("a sequence number is passed over",
           ip(SRC, DST, gre(f, key=7, seq=5)), f)
    f = b.inner()
    b.good("bits that a receiver must ignore",
           ip(SRC, DST, gre(f, key=7, extra=0x03f8)), f)
    f = b.inner()
    b.good("IP options", ip(SRC, DST, gre(f, key=7), options=b"\1" * 8), f)
    f = b.inner()
    b.good("IP option record route",
           ip(SRC, DST, gre(f, key=7), options=b"\7\7\4\0\0\0\0\0"), f)
    f = b.inner()
    padded = ip(SRC, DST, gre(f, key=7)) + b"\xee" * 20
    b.good("bytes after the end of the IP packet", padded, f)


def nested_cases(b):
    # Each frame is for this host again, and GRE again: the stack must not go
    # as deep as the packet does.
    for depth in (2, 3, 30):
        f = packet = b.inner(60)
        frames = [f]
        for _ in range(depth):
            packet = ip(SRC, DST, gre(f, key=7))
            f = b.mac["m7"] + b"\x02\0\0\0\0\1\x08\0" + packet
            frames.append(f)
        # All but the outermost, which is a packet of eth0, are delivered.
        b.case(f"a frame in {depth} tunnels, one in the other", [packet],
               deliver=frames[-2::-1])


def fragment_cases(b):
    for sizes in ((8,), (48,), (8, 8), (16, 40)):
        f = b.inner()
        parts = wire.fragments(ip(SRC, DST, gre(f, key=7), ident=b.serial),
                               *sizes)
        b.case(f"fragments cut at {sizes}", parts, deliver=[f])
        f = b.inner()
        parts = wire.fragments(ip(SRC, DST, gre(f, key=7), ident=b.serial),
                               *sizes)
        b.case(f"fragments cut at {sizes}, in reverse", parts[::-1],
               deliver=[f])
    parts = wire.fragments(ip(SRC, DST, gre(b.inner(), key=7), ident=9999), 48)
    b.case("a fragment that stays alone", parts[:1])
    parts = wire.fragments(ip(SRC, DST, gre(b.inner(), key=7), ident=9998), 48)
    b.case("the last fragment alone", parts[1:])
    big = b.inner(3000)
    b.case("a frame longer than the MTU, in fragments",
           wire.fragments(ip(SRC, DST, gre(big, key=7), ident=9997),
                          1400, 1400), deliver=[big])


def short_cases(b):
    whole = gre(b.inner(40), key=7)
    # The GRE header ends at 8, the inner Ethernet header at 22.
    for n in range(8):
        b.case(f"cut to {n} of the GRE header's 8 bytes",
               [ip(SRC, DST, whole[:n])])
    b.case("cut at every length within the inner header",
           [ip(SRC, DST, whole[:n]) for n in range(8, 22)],
           expect="m7 rx_short", times=14)
    whole = gre(b.inner(40, "m8"), key=8, check="good")
    b.case("cut at every length within the GRE header with checksum",
           [ip(SRC, DST, whole[:n]) for n in range(12)])
    b.case("cut at every length after it",
           [ip(SRC, DST, whole[:n]) for n in range(12, len(whole))],
           expect="m8 rx_bad_csum", times=len(whole) - 12)
    b.case("a checksum that is right, over no frame",
           [ip(SRC, DST, gre(b"", key=8, check="good"))],
           expect="m8 rx_short")
    b.case("IP says less than the inner header",
           [ip(SRC, DST, whole, total=20 + 8)])
    b.case("IP says more than there is",
           [ip(SRC, DST, gre(b.inner(), key=7), total=1400)])


def header_cases(b):
    for name, bits in (("routing", 0x4000), ("strict source route", 0x0800),
                       ("reserved bit 5", 0x0400), ("version 1", 1),
                       ("version 7", 7)):
        b.case(name, [ip(SRC, DST, gre(b.inner(), key=7, extra=bits))])
    b.case("another key", [ip(SRC, DST, gre(b.inner(), key=70))])
    b.case("the key's bytes swapped",
           [ip(SRC, DST, gre(b.inner(), key=0x07000000))])
    b.case("no key", [ip(SRC, DST, gre(b.inner()))])
    b.case("another sender", [ip("10.1.0.9", DST, gre(b.inner(), key=7))])
    b.case("another receiver",
           [ip(SRC, "10.1.0.9", gre(b.inner(), key=7))])
    b.case("no Ethernet inside", [ip(SRC, DST, gre(
        ip(SRC, DST, b"x" * 40, 17), key=7, proto=0x0800))],
        expect="m7 rx_bad_proto")
    b.case("another IP protocol",
           [ip(SRC, DST, gre(b.inner(), key=7), proto=48)])
    b.case("the IP header's checksum is wrong",
           [ip(SRC, DST, gre(b.inner(), key=7), bad_csum=True)])


def checksum_cases(b):
    b.case("the GRE checksum is wrong", [ip(SRC, DST, gre(
        b.inner(dev="m8"), key=8, check="bad"))], expect="m8 rx_bad_csum")
    b.case("the GRE checksum is missing", [ip(SRC, DST, gre(
        b.inner(dev="m8"), key=8))], expect="m8 rx_bad_csum")
    b.case("a GRE checksum where none is due", [ip(SRC, DST, gre(
        b.inner(), key=7, check="good"))], expect="m7 rx_bad_csum")


def ecn_cases(b):
    def packet(outer, inner):
        body = ip("10.7.0.1", "10.7.0.9", b"x" * 30, 253, tos=inner)
        frame = b.inner(kind=0x0800, payload=body)
        return frame, ip(SRC, DST, gre(frame, key=7), tos=outer)

    _, p = packet(3, 0)
    b.case("congestion mark, the inner packet cannot take it", [p],
           expect="m7 rx_bad_ecn")
    frame, p = packet(3, 2)
    marked = ip("10.7.0.1", "10.7.0.9", b"x" * 30, 253, tos=3)
    b.case("congestion mark, the inner packet takes it", [p],
           deliver=[frame[:14] + marked])
    frame, p = packet(0, 2)
    b.case("no congestion mark", [p], deliver=[frame])


def rubbish_cases(b):
    rand = random.Random(47)
    b.case("rubbish after the IP header", [
        ip(SRC, DST, rand.randbytes(rand.randrange(0, 1400)))
        for _ in range(300)])
    b.case("rubbish after a good GRE header, shorter than a frame", [
        ip(SRC, DST, gre(rand.randbytes(rand.randrange(0, 14)), key=7))
        for _ in range(100)], expect="m7 rx_short", times=100)
    # Good packets with bytes changed: nothing is said of their delivery.
    for _ in range(400):
        packet = bytearray(ip(SRC, DST, gre(b.inner(
            rand.randrange(14, 200), "m8"), key=8, check="good")))
        for _ in range(rand.randrange(1, 4)):
            packet[rand.randrange(20, len(packet))] = rand.randrange(256)
        b.send(bytes(packet))
    for _ in range(200):
        # Inner IPv4 and IPv6 headers full of lies.
        body = bytes([rand.choice((0x45, 0x4f, 0x60, 0x41))])
        body += rand.randbytes(rand.randrange(0, 60))
        frame = b.inner(kind=rand.choice((0x0800, 0x86dd, 0x8100, 0x88a8)),
                        payload=body)
        b.send(ip(SRC, DST, gre(frame, key=7), tos=rand.randrange(4)))
    b.got(1)
    b.got(0)
    f = b.inner()
    b.good("and a good one after packets with changed bytes",
           ip(SRC, DST, gre(f, key=7)), f)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("linear", "paged"):
        raise SystemExit(__doc__)
    b = Bench(*sys.argv[1:])
    for cases in (good_cases, nested_cases, fragment_cases, short_cases, header_cases,
                  checksum_cases, ecn_cases, rubbish_cases):
        cases(b)


if __name__ == "__main__":
    main()
