#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends GRE packets from the wire, such as no host of ours would, and sees which
VM gets what is inside, and what is counted.

usage: vpc_wire.py NAMESPACE-A NAMESPACE-B COUNT [6]

A is a host that tenants_lib.sh has made, of which 10.1.0.2 in B is a remote; the
packets are sent there. Then COUNT packets with random faults. KSFT_SEED sets
another seed. With 6 they are IPv6 outside, and the hosts fd00:1::1 and so on.
"""

import os
import random
import struct
import sys

import frames
import vpc
import wire
from frames import ARP
from frames import IPV4
from frames import IPV6
from frames import arp
from frames import ether
from frames import ip4
from frames import ip6
from frames import udp
from vpc_taps import Tap
from vpc_taps import result
from vpc_taps import risen

RED, BLUE = 7, 9
GRE = 47
# A VM here, whose namesake is blue's; one behind the other host; and nobody's.
V, X, N = (bytes([2, 0, 0, 0, 0, n]) for n in (0x12, 0x13, 0x14))
V4, X4, N4 = "10.9.0.18", "10.9.0.19", "10.9.0.20"
V6, X6 = "fd00:9::12", "fd00:9::13"
MISSED = ("unknown_peer", "no_key", "not_here")


def inner4(dst=V, src=X, ip_src=X4, ip_dst=V4, **more):
    return ether(dst, src, IPV4, ip4(ip_src, ip_dst, udp(ip_src, ip_dst)), **more)


def inner6(dst=V, src=X):
    return ether(dst, src, IPV6, ip6(X6, V6, udp(X6, V6)))


class Outer4:
    """IPv4 between the hosts: this one, a remote, a stranger, and who has VMs of red only."""

    hosts = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"
    kind, proto_at, length = IPV4, 23, 20
    # The kernel does not take what claims to come from itself.
    own_address = None
    not_the_vms = "dst_ipv4"
    vm = V4

    @staticmethod
    def packet(src, dst, payload):
        return wire.ip(src, dst, payload)


class Outer6:
    """The same of IPv6."""

    hosts = "fd00:1::1", "fd00:1::2", "fd00:1::3", "fd00:1::4"
    kind, proto_at, length = IPV6, 20, 40
    own_address = "unknown_peer"
    not_the_vms = "dst_ipv6"
    vm = V6

    @staticmethod
    def packet(src, dst, payload):
        return ip6(src, dst, payload, GRE)


class Trial:
    """The sender on the wire, the VMs of both tenants, and what A sends to the wire."""

    def __init__(self, ns_a, ns_b, version):
        self.version = version
        self.here, self.there, self.stranger, self.friend = version.hosts
        wire.enter(ns_b)
        self.sender = wire.Linear("eth0")
        head = wire.mac(wire.address("eth0"))
        wire.enter(ns_a)
        self.head = wire.mac(wire.address("eth0")) + head + struct.pack("!H", version.kind)
        self.client = vpc.Vpc()
        self.client.say("remote-new", f"vpc={RED}", f"address={self.friend}", "flood=flag:")
        self.client.say("entry-new", f"vpc={RED}", f"mac={X.hex(':')}", f"remote={self.there}")
        self.client.say("entry-new", f"vpc={RED}", f"mac={X.hex(':')}", f"address={X4}")
        self.red = Tap(self.client, "tapv", RED, V, (V4, V6))
        self.blue = Tap(self.client, "tapw", BLUE, V, (V4, V6))
        self.wire = wire.sniffer("eth0")

    def outer(self, frame, src=None, key=RED, **more):
        """The packet on the wire, from a remote of both tenants if no other host is named."""
        gre = wire.gre(frame, key=key, **more)
        return self.head + self.version.packet(src or self.there, self.here, gre)

    def strays(self):
        """Drops that belong to no port."""
        config, = self.client.say("config-get")
        return config.get("drop", {})

    def tunnelled(self):
        """GRE packets that A has sent."""
        return [frame for frame in wire.sent(self.wire)
                if frame[12:14] == self.head[12:] and frame[self.version.proto_at] == GRE]

    def settle(self):
        self.red.received(0.01)
        self.blue.received()
        wire.sent(self.wire)

    def one(self, name, packet, red=None, blue=None, stray=None, port=None):
        """Sends a packet: who must get which frame, and which drop is counted."""
        self.settle()
        before, counted = self.strays(), self.red.counters()
        self.sender.send(packet)
        some = self.red if red else self.blue
        first = some.received(1 if red or blue else 0.02)
        got = {self.red.name: self.red.received(), self.blue.name: self.blue.received()}
        got[some.name] = first + got[some.name]
        drops = risen(before, self.strays())
        port_drops = risen(counted, self.red.counters())
        why = []
        for tap, wanted in ((self.red, red), (self.blue, blue)):
            if got[tap.name] != ([wanted] if wanted else []):
                why.append(f"{tap.name} got {[f.hex() for f in got[tap.name]]}")
        if stray and drops != {stray: 1}:
            why.append(f"counted {drops}, not {stray}")
        if not stray and any(name in drops for name in MISSED):
            why.append(f"counted {drops}")
        if port and port_drops.get(port) != 1:
            why.append(f"the port counted {port_drops}, not {port}")
        if port_drops.get("tx-packets", 0) != (1 if red else 0):
            why.append(f"the port counted {port_drops}")
        sent = self.tunnelled()
        if sent:
            why.append(f"sent back to the wire: {sent[0].hex()}")
        result(name, why)

    def cases(self):
        whole = inner4()
        self.one("red's key comes to red", self.outer(whole), red=whole)
        self.one("blue's key comes to blue", self.outer(whole, key=BLUE), blue=whole)
        six = inner6()
        self.one("IPv6 inside", self.outer(six), red=six)
        self.one("with a checksum", self.outer(whole, check="good"), red=whole)
        self.one("from a host of which red knows",
                 self.outer(whole, src=self.friend), red=whole)
        for key in (0, 8, RED << 8, RED | 1 << 24, RED | 1 << 31, 0xffffffff):
            self.one(f"key {key:#x}, which is nobody's", self.outer(whole, key=key),
                     stray="unknown_peer")
        self.one("no key", self.outer(whole, key=None), stray="no_key")
        for key in (RED, BLUE):
            self.one(f"key {key} from an unknown host",
                     self.outer(whole, src=self.stranger, key=key), stray="unknown_peer")
        self.one("blue's key from a host that has only red",
                 self.outer(whole, src=self.friend, key=BLUE), stray="unknown_peer")
        self.one("from our own address", self.outer(whole, src=self.here),
                 stray=self.version.own_address)
        for name, packet in (("with a wrong checksum", self.outer(whole, check="bad")),
                             ("of version 1", self.outer(whole, extra=1)),
                             ("with source routes", self.outer(whole, extra=0x4000)),
                             ("that carries no Ethernet", self.outer(whole, proto=0x88be))):
            self.one(f"a header {name}", packet)
        self.one("to nobody's MAC address", self.outer(inner4(dst=N)), stray="not_here")
        self.one("to a VM of the host that it comes from",
                 self.outer(inner4(dst=X, src=N)), stray="not_here")
        every = inner4(dst=frames.BROADCAST)
        self.one("broadcast stays in the tenant, and here", self.outer(every), red=every)
        self.one("broadcast under blue's key", self.outer(every, key=BLUE), blue=every)
        group = inner4(dst=b"\1\0\x5e\0\0\xfb", ip_dst="224.0.0.251")
        self.one("multicast stays in the tenant, and here", self.outer(group), red=group)
        self.one("to an IP address that the VM does not have",
                 self.outer(inner4(ip_dst=N4)), port="dst_ipv4")
        self.one("with a VLAN tag", self.outer(inner4(tags=[(0x8100, 5)])))
        for size in (0, 1, 13, 14, 20, 33):
            self.one(f"a frame of {size} bytes", self.outer(whole[:size]))
        tunnel, kind = wire.gre(inner4(), key=BLUE), self.version.kind
        nested = ether(V, X, kind, self.version.packet(self.there, self.version.vm, tunnel))
        self.one("blue's key inside of red's", self.outer(nested), red=nested)
        nested = ether(V, X, kind, self.version.packet(self.there, self.here, tunnel))
        self.one("a tunnel to the host inside of red's", self.outer(nested),
                 port=self.version.not_the_vms)

    def spoofed(self):
        """A VM of another host that claims to be a VM of this one: it stays in its tenant."""
        self.settle()
        for frame in (inner4(src=V, ip_src=V4),
                      ether(frames.BROADCAST, X, ARP, arp(1, (V, V4), (bytes(6), V4))),
                      ether(V, X, ARP, arp(2, (X, V4), (V, V4)))):
            self.sender.send(self.outer(frame))
        got = self.blue.received(0.1)
        known, = self.client.say("entry-get", f"vpc={RED}", f"address={V4}")
        where, = self.client.say("entry-get", f"vpc={RED}", f"mac={V.hex(':')}")
        why = [f"blue got {got[0].hex()}"] if got else []
        if known["mac"] != V.hex(":") or "port" not in where:
            why.append(f"believed: {known}, {where}")
        sent = self.tunnelled()
        if sent:
            why.append(f"sent back to the wire: {sent[0].hex()}")
        result("forged senders inside are not believed", why)

    def at_random(self, count):
        """Packets of which none is blue's; then both tenants have to work as before."""
        seed = os.environ.get("KSFT_SEED", "20250607")
        print(f"KSFT_SEED={seed}", flush=True)
        rng = random.Random(int(seed))
        self.settle()
        wrong, seen = [], 0
        gre = 14 + self.version.length
        inside = gre + 8
        for n in range(count):
            packet = bytearray(self.outer(
                rng.choice((inner4(), inner6(), inner4(dst=frames.BROADCAST),
                            inner4(src=V, ip_src=V4), inner4(tags=[(0x8100, 5)]),
                            ether(V, X, ARP, arp(2, (X, X4), (V, V4))),
                            rng.randbytes(rng.randrange(200)))),
                key=rng.choice((RED, RED, RED, None, 0, 8, rng.getrandbits(32) & ~1)),
                seq=rng.choice((None, None, n)), check=rng.choice((None, None, "good", "bad"))))
            # The frame inside comes to harm, and sometimes what is around it.
            first = 14 if rng.random() < 0.1 else inside
            for _ in range(rng.choice((0, 0, 1, 2, 8))):
                at = rng.randrange(min(first, len(packet) - 1), len(packet))
                packet[at] ^= 1 << rng.randrange(8)
            # Damage must not make it blue's.
            if b"\0\0\0\x09" in packet[gre:gre + 16]:
                continue
            if rng.random() < 0.1:
                del packet[rng.randrange(gre, len(packet) + 1):]
            self.sender.send(bytes(packet))
            if n % 64 == 0:
                seen += len(self.red.received(0.002))
                wrong += self.blue.received()
        seen += len(self.red.received(0.2))
        wrong += self.blue.received(0.1)
        why = [f"blue got {wrong[0].hex()}"] if wrong else []
        if seen < count // 20:
            why.append(f"red got {seen} only")
        sent = self.tunnelled()
        if sent:
            why.append(f"sent back to the wire: {sent[0].hex()}")
        result(f"{count} packets at random", why)
        whole = inner4()
        self.one("afterwards red's key comes to red", self.outer(whole), red=whole)
        self.one("afterwards blue's key comes to blue", self.outer(whole, key=BLUE), blue=whole)


def main():
    if len(sys.argv) not in (4, 5) or sys.argv[4:] not in ([], ["6"]):
        raise SystemExit(__doc__)
    trial = Trial(sys.argv[1], sys.argv[2], Outer6 if sys.argv[4:] else Outer4)
    trial.cases()
    trial.spoofed()
    trial.at_random(int(sys.argv[3]))


if __name__ == "__main__":
    main()
