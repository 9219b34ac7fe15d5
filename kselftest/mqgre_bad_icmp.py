#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_bad_icmp.sh, and what is expected of each.

usage: mqgre_bad_icmp.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import struct
import subprocess
import sys

import badpkt
import wire
from encap import GRE_IN_UDP
from encap import ip6
from encap import udp
from sniffer import Sniffer
from wire import gre

# The wire's MTU; the least that IPv4 lets a path's fall to by ICMP, and that of
# IPv6, below which it does not listen (RFC 8201, 4).
WIRE, LEAST4, LEAST6 = 1500, 552, 1280


class Bench(badpkt.Bench):
    """A bench that sends errors to the tunnel's end, and frames out of it."""

    def __init__(self, encap, shape, ns_a, ns_b):
        wire.enter(ns_a)
        self.far = Sniffer("eth0")
        super().__init__(encap, shape, ns_a, ns_b)
        self.here, self.there = self.encap.ends[1], self.encap.ends[0]
        self.out = wire.Linear("m7")

    def packet(self, src=None, dst=None, proto=None, inner=None, **options):
        """A packet as the tunnel sends it; others with other arguments."""
        gre_packet = gre(inner or self.inner(1200), **{"key": 7, **options})
        if self.encap.udp and proto is None:
            gre_packet = udp(gre_packet)
        fields = {} if proto is None else {"proto": proto}
        return self.encap.outer(gre_packet, src or self.here, dst or self.there,
                                **fields)

    def mtu(self):
        """The path's, as the host believes it to be."""
        text = subprocess.run(["ip", "route", "get", self.there], text=True,
                              check=True, capture_output=True).stdout.split()
        if "mtu" not in text:
            return WIRE
        at = text.index("mtu") + 1
        return int(text[at + 1] if text[at] == "lock" else text[at])

    def forget(self):
        family = "-6" if self.encap.v6 else "-4"
        subprocess.run(["ip", family, "route", "flush", "cache"], check=True)

    def sends(self):
        """Does a frame get out?"""
        frame = self.inner(60)
        self.far.frames()
        self.out.send(frame)
        for _ in range(200):
            if any(f.endswith(frame) for f in self.far.frames()):
                return True
            self.barrier()
        return False

    def case(self, name, packets, want=WIRE):
        """want: the path's MTU after that."""
        before = self.counts()
        self.send(*packets)
        frames = self.barrier()
        why = []
        if frames is None:
            why.append("a good packet did not pass after it")
        elif frames:
            why.append(f"{len(frames)} frames arrived, as {frames[0].hex()}")
        got = self.mtu()
        if got != want:
            why.append(f"the path's MTU is {got}, not {want}")
        after = self.counts()
        rise = {k: after[k] for k in after if after[k] != before.get(k, 0)
                and k.startswith("m")}
        if rise:
            why.append(f"counters went up to {rise}")
        if not self.sends():
            why.append("the tunnel sends no frame after it")
        if got != WIRE:
            self.forget()
        print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}",
              flush=True)


def sound_cases(b):
    error, packet = b.encap.error, b.packet()
    b.case("a sound one", [error(packet[:548], 1300)], 1300)
    head = len(packet) - len(b.inner(1200)) - 8
    # RFC 792 has routers quote the IP header and eight bytes.
    least = head + (0 if b.encap.udp else 8)
    b.case("with the least that a router quotes", [error(packet[:least], 1300)], 1300)
    summed = b.packet(key=8, check="good")
    b.case("with checksum and key, both quoted", [error(summed[:least + 4], 1300)], 1300)
    if not b.encap.udp:
        # Whose it is, nobody can tell.
        b.case("with checksum and key, cut off before the key",
               [error(summed[:least], 1300)])
    b.case("from a router", [error(packet[:128], 1300, src="fd01::9" if b.encap.v6
                                   else "10.1.0.9")], 1300)
    if not b.encap.v6:
        options = wire.ip(b.here, b.there, gre(b.inner(), key=7), options=b"\1" * 40)
        if not b.encap.udp:
            b.case("quoting a header with options", [error(options[:128], 1300)], 1300)


def cut_cases(b):
    packet = b.packet()
    # The IP header and four bytes of GRE is the least to tell what it is.
    need = (40 if b.encap.v6 else 20) + 8
    for n in range(need):
        b.case(f"{n} bytes quoted", [b.encap.error(packet[:n], 1300)])
    whole = b.encap.error(packet[:128], 1300)
    base = 40 if b.encap.v6 else 20
    b.case("cut at every length", [whole[:base + n] for n in range(36)])
    b.case("the checksum is wrong",
           [b.encap.error(packet[:128], 1300, bad_csum=True)])
    for word in range(5 if not b.encap.v6 else 0):
        quote = bytes([0x40 | word]) + packet[1:]
        b.case(f"the quoted header says it has {word} words",
               [b.encap.error(quote[:128], 1300)])
    if not b.encap.v6:
        quote = b"\x4f" + packet[1:]
        b.case("quoted options that are not there", [b.encap.error(quote[:48], 1300)])
        # What stands behind them is the frame's.
        b.case("quoted options that are the packet",
               [b.encap.error(quote[:128], 1300)])


def other_cases(b):
    error = b.encap.error
    away, stray = (("fd01::77", "fd09::1") if b.encap.v6 else
                   ("10.1.0.77", "10.9.0.1"))
    b.case("quoting a packet of somebody else",
           [error(b.packet(src=stray)[:128], 1300)])
    b.case("quoting a packet to somebody else",
           [error(b.packet(dst=away)[:128], 1300)])
    b.case("quoting a packet the other way",
           [error(b.packet(src=b.there, dst=b.here)[:128], 1300)])
    for proto in (0, 1, 4, 6, 41, 48, 50, 58, 132, 253, 255):
        b.case(f"quoting protocol {proto}", [error(b.packet(proto=proto)[:128], 1300)])
    for name, quote in (
            ("version 1", gre(b.inner(), key=7, extra=1)),
            ("the routing flag", gre(b.inner(), key=7, extra=0x4000)),
            ("a reserved bit", gre(b.inner(), key=7, extra=0x0400)),
            ("another payload", gre(b.inner(), key=7, proto=0x0800))):
        quote = b.encap.wrap(quote, src=b.here, dst=b.there)
        b.case(f"quoting GRE with {name}", [error(quote[:128], 1300)])
    version = bytes([0x65 if not b.encap.v6 else 0x45]) + b.packet()[1:]
    b.case("quoting another IP version", [error(version[:128], 1300)])
    for version in (0, 5, 15):
        quote = bytes([version << 4 | 5]) + b.packet()[1:]
        b.case(f"quoting IP version {version}", [error(quote[:128], 1300)])
    if b.encap.v6:
        return
    later = wire.ip(b.here, b.there, gre(b.inner(), key=7), flags=0x0010)
    b.case("quoting a fragment that is not the first", [error(later[:128], 1300)])
    for kind, code in ((3, 0), (3, 1), (3, 2), (3, 3), (3, 5), (3, 13), (3, 16),
                       (3, 255), (4, 0), (5, 1), (11, 0), (12, 0), (0, 4), (8, 4),
                       (255, 4)):
        b.case(f"type {kind}, code {code}",
               [error(b.packet()[:128], 1300, kind=kind, code=code)])


def mtu_cases(b):
    packet = b.packet()
    for mtu in (0, 1, 20, 41, 42, 43, 56, 67, 68, 69, 551, 552, 576, 1279, 1280,
                1499, 1500, 1501, 9000, 0x7fff, 0xffff):
        want = max(mtu, LEAST4)
        if b.encap.v6:
            want = mtu if mtu >= LEAST6 else WIRE
        b.case(f"MTU {mtu}", [b.encap.error(packet[:128], mtu)], min(want, WIRE))
    if b.encap.v6:
        for mtu in (0x10000, 0x7fffffff, 0xffffffff):
            b.case(f"MTU {mtu}", [b.encap.error(packet[:128], mtu)])
        return
    # The upper half of the word is not the MTU.
    b.case("something in front of the MTU",
           [b.encap.error(packet[:128], 0xffff0000 | 1300)], 1300)


def policy_cases(b):
    """The host's word on path MTU discovery counts for tunnels, too."""
    if b.encap.v6:
        return
    path = "/proc/sys/net/ipv4/ip_no_pmtu_disc"
    for value, name, want in (
            ("1", "that want no discovery, take the least", LEAST4),
            ("2", "that want none at all, take none", WIRE),
            ("3", "that are hardened, trust no tunnel's", WIRE)):
        with open(path, "w", encoding="ascii") as f:
            f.write(value)
        b.case(f"hosts {name}", [b.encap.error(b.packet()[:128], 1300)], want)
    with open(path, "w", encoding="ascii") as f:
        f.write("0")


def rubbish_cases(b):
    rand = badpkt.seed()
    packets = []
    for _ in range(300):
        quote = bytearray(b.packet()[:rand.randrange(200)])
        for _ in range(rand.randrange(8) if quote else 0):
            quote[rand.randrange(len(quote))] = rand.randrange(256)
        packets.append(b.encap.error(bytes(quote), rand.randrange(1 << 16),
                                     kind=rand.choice((None, rand.randrange(256)))))
    b.send(*packets)
    b.barrier()
    b.forget()
    b.case("and nothing of it stays, after 300 errors of any kind", [])


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    b = Bench(*sys.argv[1:])
    for cases in (sound_cases, cut_cases, other_cases, mtu_cases, policy_cases,
                  rubbish_cases):
        cases(b)


if __name__ == "__main__":
    main()
