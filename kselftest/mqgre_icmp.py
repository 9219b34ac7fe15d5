#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The forged ICMP errors of mqgre_icmp.sh, and what is expected of each.

usage: mqgre_icmp.py NAMESPACE-R NAMESPACE-A

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import random
import socket
import struct
import subprocess
import sys
import time

import wire
from wire import gre

HOST, ROUTER, REMOTE = "192.0.2.1", "192.0.2.2", "198.51.100.1"
HOST6, ROUTER6, REMOTE6 = "fd01::1", "fd01::2", "fd02::1"
DEVICES = ("m0", "m6", "mu")
NAMES = ("icmp_too_big", "icmp_unreachable", "icmp_other")


def ip6(src, dst, payload, proto):
    """An IPv6 packet."""
    ends = b"".join(socket.inet_pton(socket.AF_INET6, a) for a in (src, dst))
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + ends + payload


def udp(payload, dport=4754):
    return struct.pack("!HHHH", 50000, dport, 8 + len(payload), 0) + payload


def icmp(kind, code, quoted, rest=0, bad=0, src=ROUTER, dst=HOST):
    """An ICMP message in IPv4."""
    body = struct.pack("!BBHI", kind, code, 0, rest) + quoted
    body = body[:2] + struct.pack("!H", wire.csum(body) ^ bad) + body[4:]
    return wire.ip(src, dst, body, 1)


def icmp6(kind, quoted, rest=0, bad=0, src=ROUTER6, dst=HOST6):
    """An ICMP message in IPv6."""
    body = struct.pack("!BBHI", kind, 0, 0, rest) + quoted
    ends = b"".join(socket.inet_pton(socket.AF_INET6, a) for a in (src, dst))
    pseudo = ends + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", wire.csum(pseudo + body) ^ bad) + body[4:]
    return ip6(src, dst, body, 58)


class Bench:
    def __init__(self, router, host):
        wire.enter(host)
        to = wire.mac(wire.address("v0"))
        wire.enter(router)
        self.head = to + wire.mac(wire.address("v0"))
        self.sender = wire.Linear("v0")
        wire.enter(host)

    def send(self, packet):
        kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
        self.sender.send(self.head + kind + packet)

    @staticmethod
    def counts():
        return {f"{dev} {name}": wire.counters(dev)[name] for dev in DEVICES for name in NAMES}

    def case(self, name, packets, expect=None, times=1):
        """expect: the counter that goes up by times; no path's MTU changes."""
        before = self.counts()
        for packet in packets:
            self.send(packet)
        want = dict(before)
        if expect:
            want[expect] += times
        end = time.monotonic() + (2 if expect else 0.1)
        after = self.counts()
        while (after != want or not expect) and time.monotonic() < end:
            time.sleep(0.01)
            after = self.counts()
        why = [f"{k}: {before[k]} became {v}" for k, v in after.items() if v != want[k]]
        for remote in (REMOTE, REMOTE6):
            route = subprocess.check_output(["ip", "route", "get", remote], text=True)
            if " mtu " in route:
                why.append(route.strip())
        print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}")


def quoted4(key=7, src=HOST, dst=REMOTE, **more):
    return wire.ip(src, dst, gre(b"x" * 40, key=key, **more))


def quoted6(key=7, src=HOST6, dst=REMOTE6):
    return ip6(src, dst, gre(b"x" * 40, key=key), 47)


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    b = Bench(*sys.argv[1:])
    # That the others mean something.
    b.case("a good one, IPv4", [icmp(3, 1, quoted4())], "m0 icmp_unreachable")
    b.case("a good one, IPv6", [icmp6(1, quoted6())], "m6 icmp_unreachable")
    in_udp = wire.ip(HOST, REMOTE, udp(gre(b"x" * 40, key=7)), 17)
    b.case("a good one, UDP", [icmp(3, 3, in_udp)], "mu icmp_unreachable")
    b.case("eight bytes of GRE are enough", [icmp(3, 1, quoted4()[:28])],
           "m0 icmp_unreachable")

    for name, big in (("IPv4", icmp(3, 4, quoted4(key=8), 1000)),
                      ("IPv6", icmp6(2, quoted6(key=8), 1290))):
        b.case(f"another key, {name}", [big])
    b.case("no key", [icmp(3, 4, quoted4(key=None), 1000)])
    b.case("a wrong checksum, IPv4", [icmp(3, 4, quoted4(), 1000, bad=1)])
    b.case("a wrong checksum, IPv6", [icmp6(2, quoted6(), 1290, bad=1)])
    b.case("another remote", [icmp(3, 4, quoted4(dst="198.51.100.9"), 1000)])
    b.case("another source", [icmp(3, 4, quoted4(src="192.0.2.9"), 1000)])
    b.case("the tunnel the other way round",
           [icmp(3, 4, quoted4(src=REMOTE, dst=HOST), 1000)])
    b.case("another payload of GRE", [icmp(3, 4, quoted4(proto=0x0800), 1000)])
    b.case("a GRE version", [icmp(3, 4, quoted4(extra=1), 1000)])
    # The stock stack believes what is said of the MTU of UDP; so something else is said.
    b.case("another UDP port", [icmp(3, 3, wire.ip(
        HOST, REMOTE, udp(gre(b"x" * 40, key=7), 4755), 17))])
    b.case("another protocol", [icmp(3, 4, wire.ip(HOST, REMOTE, b"x" * 40, 6), 1000)])
    b.case("a later fragment", [icmp(3, 4, wire.ip(
        HOST, REMOTE, gre(b"x" * 40, key=7), flags=100), 1000)])
    b.case("no error: echo", [icmp(8, 0, quoted4()), icmp6(128, quoted6())])
    whole = quoted4()[:28]
    b.case("cut at every length before, IPv4",
           [icmp(3, 4, whole[:n], 1000) for n in range(len(whole))])
    whole = quoted6()[:48]
    b.case("cut at every length before, IPv6",
           [icmp6(2, whole[:n], 1290) for n in range(len(whole))])
    whole = in_udp[:36]
    b.case("cut at every length before, UDP",
           [icmp(3, 3, whole[:n]) for n in range(len(whole))])
    rand = random.Random(792)
    b.case("rubbish", [icmp(rand.choice((3, 11, 12)), 4, rand.randbytes(rand.randrange(300)))
                       for _ in range(200)]
           + [icmp6(rand.randrange(1, 5), rand.randbytes(rand.randrange(300)))
              for _ in range(200)])


if __name__ == "__main__":
    main()
