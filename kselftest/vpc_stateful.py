#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends UDP between ports whose ACLs keep connections, and sees which rule lets
it pass, and how many are kept.

usage: vpc_stateful.py

In a namespace that tenants_lib.sh has made a host.
"""

import struct
import sys
import time

import vpc
import wire
from frames import IPV4
from frames import IPV6
from frames import ether
from frames import ip4
from frames import ip6
from frames import udp
from vpc_taps import Tap
from vpc_taps import result
from vpc_taps import risen

RED = 7
SYSCTL = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"


def frame(src, dst, ports, version):
    """A datagram of this flow."""
    kind, ip, at = (IPV4, ip4, 0) if version == 4 else (IPV6, ip6, 1)
    from_, to = src.addresses[at], dst.addresses[at]
    return ether(dst.mac, src.mac, kind, ip(from_, to, udp(from_, to, ports)))


def ask(why, what, right):
    if not right:
        why.append(what)


class Trial:
    """Three VMs; the first two have ACLs."""

    def __init__(self):
        self.client = vpc.Vpc()
        self.acl("out", "direction=0 action=1 stateful=flag:")
        self.a, self.b, self.c = (
            Tap(self.client, f"tap{name}", RED, bytes([2, 0, 0, 0, 0, n]),
                (f"10.9.0.{n}", f"fd00:9::{n:x}"))
            for name, n in (("a", 0x21), ("b", 0x22), ("c", 0x23)))

    def acl(self, name, *rules):
        self.client.say("acl-new", f"name={name}")
        for n, rule in enumerate(rules):
            self.client.say("rule-new", f"acl={name}", f"priority={n}", *rule.split())

    def passes(self, src, dst, ports, version=4):
        """Whether a datagram does."""
        dst.received()
        sent = frame(src, dst, ports, version)
        src.send(sent)
        return sent in dst.received(0.05)

    def both(self, src, dst, ports, version=4):
        """Whether it and an answer do."""
        there = self.passes(src, dst, ports, version)
        return there and self.passes(dst, src, ports[::-1], version)

    def connections(self, tap):
        answer, = self.client.say("port-get", f"ifname={tap.name}")
        return answer["connections"]

    def limit(self):
        """As many as a port may have."""
        why = []
        self.a.become_port("acl=out", "max-connections=3")
        self.c.become_port("acl=out")
        ask(why, "no answer to the first ones", self.both(self.a, self.b, (1001, 9)) and
            self.both(self.a, self.b, (1002, 9)) and self.both(self.a, self.b, (1003, 9), 6))
        result("limit: answers pass up to it", why)
        why, before = [], self.a.counters()
        for version in (4, 6):
            ask(why, f"IPv{version} passed", not self.passes(self.a, self.b, (1004, 9), version))
        rise = risen(before, self.a.counters())
        ask(why, f"counted {rise}", rise == {"connections": 2})
        ask(why, f"{self.connections(self.a)} connections", self.connections(self.a) == 3)
        result("limit: one more does not pass", why)
        why = []
        ask(why, "it did not", self.both(self.a, self.b, (1001, 9)))
        result("limit: what is there goes on", why)
        why = []
        for port in range(1001, 1011):
            ask(why, f"from {port} did not", self.both(self.c, self.b, (port, 9)))
        ask(why, f"{self.connections(self.c)} connections", self.connections(self.c) == 10)
        result("limit: another port has its own", why)
        why = []
        self.client.say("begin", "copy=flag:")
        self.client.say("vpc-new", "replace", f"id={RED}", "name=red")
        self.client.say("commit")
        ask(why, "a new one passed", not self.passes(self.a, self.b, (1004, 9)))
        self.a.become_port("acl=out", "max-connections=4")
        ask(why, "the fourth did not", self.both(self.a, self.b, (1004, 9)))
        ask(why, "the fifth passed", not self.passes(self.a, self.b, (1005, 9)))
        result("limit: another configuration goes on counting", why)
        self.c.become_port("acl=out", "max-connections=0")
        why = []
        ask(why, "it did", not self.passes(self.c, self.b, (1100, 9)))
        result("limit: without any, nothing is kept", why)

    def ended(self):
        """A connection that is over makes room."""
        with open(SYSCTL, encoding="ascii") as sysctl:
            usual = sysctl.read()
        with open(SYSCTL, "w", encoding="ascii") as sysctl:
            sysctl.write("1")
        # In another VPC, where it has none.
        self.client.say("vpc-new", "id=8")
        moved = [Tap(self.client, f"tap{name}", 8, bytes([2, 0, 0, 0, 0, n]), (f"10.9.0.{n}",))
                 for name, n in (("d", 0x24), ("e", 0x25))]
        moved[0].become_port("acl=out", "max-connections=1")
        why = []
        ask(why, "the first did not pass", self.passes(*moved, (1001, 9)))
        ask(why, "the second passed", not self.passes(*moved, (1002, 9)))
        time.sleep(1.5)
        # To list them is to let go of those whose time is up.
        with open("/proc/net/nf_conntrack", encoding="ascii") as table:
            table.read()
        ask(why, f"{self.connections(moved[0])} connections", self.connections(moved[0]) == 0)
        ask(why, "the second did not pass", self.passes(*moved, (1002, 9)))
        result("limit: a connection that is over makes room", why)
        with open(SYSCTL, "w", encoding="ascii") as sysctl:
            sysctl.write(usual)
        for tap in moved:
            self.client.say("port-del", f"ifname={tap.name}")
        self.client.say("vpc-del", "id=8")

    def unusual(self):
        """Frames that tracking itself would take for broken."""
        self.a.become_port("acl=out")
        (from_, _), (to, _) = self.a.addresses, self.b.addresses
        for version, kind, ip in ((4, IPV4, ip4), (6, IPV6, ip6)):
            there = [tap.addresses[version == 6] for tap in (self.a, self.b)]
            small = ether(self.b.mac, self.a.mac, kind,
                          ip(*there, udp(*there, (3000, 9), payload=b"x")))
            self.b.received()
            self.a.send(small + bytes(70 - len(small)))
            got = self.b.received(0.05)
            why = [] if [frame[:len(small)] for frame in got] == [small] else [f"got {got}"]
            result(f"unusual: IPv{version}, padded", why)
        whole, why = udp(from_, to, (3000, 9), payload=bytes(2000)), []
        for name, part, flags in (("first", whole[:1480], 0x2000),
                                  ("last", whole[1480:], 1480 // 8)):
            sent = ether(self.b.mac, self.a.mac, IPV4, ip4(from_, to, part, flags=flags))
            self.a.send(sent)
            ask(why, f"the {name} did not", sent in self.b.received(0.05))
        result("unusual: fragments pass by rules alone", why)

    def own_say(self):
        """What one port has allowed is not yet allowed at another."""
        self.acl("discard", "direction=1 action=1 ethertype=2048 protocol=17 dport-min=9 "
                 "dport-max=9 stateful=flag:")
        self.acl("closed", "direction=1 action=1 protocol=17 dport-min=7 dport-max=7 "
                 "ethertype=2048 stateful=flag:")
        self.acl("errors", "direction=0 action=1 ethertype=2048 protocol=1 stateful=flag:",
                 "direction=1 action=1 protocol=17 dport-min=7 dport-max=7 ethertype=2048 "
                 "stateful=flag:")
        self.a.become_port("acl=out")
        why = []
        ask(why, "it did not", self.both(self.a, self.b, (2000, 53)) and
            self.both(self.a, self.b, (2000, 9)))
        result("own say: all passes a port without ACLs", why)

        why, before = [], self.b.counters()
        self.b.become_port("acl=discard")
        ask(why, "it got what its rules do not allow", not self.passes(self.a, self.b, (2000, 53)))
        ask(why, "it answered", not self.passes(self.b, self.a, (53, 2000)))
        rise = risen(before, self.b.counters())
        ask(why, f"counted {rise}", rise == {"acl_ingress": 1, "acl_egress": 1})
        result("own say: a port that gets ACLs is asked about what goes on", why)
        why = []
        ask(why, "it did not", self.both(self.a, self.b, (2000, 9)))
        ask(why, "a new one did not", self.both(self.a, self.b, (2001, 9)))
        ask(why, "a new one did that it does not allow",
            not self.passes(self.a, self.b, (2001, 53)))
        ask(why, "one of its own did", not self.passes(self.b, self.a, (2001, 9)))
        result("own say: what both allow passes, and its answers", why)

        why = []
        self.b.become_port("acl=errors")
        ask(why, "the first connection is there", not self.passes(self.a, self.b, (2000, 53)))
        inner = ip4(self.a.addresses[0], self.b.addresses[0],
                    udp(self.a.addresses[0], self.b.addresses[0], (2000, 53)))
        error = struct.pack("!BBHI", 3, 3, 0, 0) + inner
        error = error[:2] + struct.pack("!H", wire.csum(error)) + error[4:]
        error = ether(self.a.mac, self.b.mac, IPV4,
                      ip4(self.b.addresses[0], self.a.addresses[0], error, 1))
        self.a.received()
        self.b.send(error)
        ask(why, "no error passed", error in self.a.received(0.05))
        ask(why, "it did", not self.passes(self.a, self.b, (2000, 53)))
        result("own say: who sends an error allows nothing else", why)

        # Somebody else gets its addresses.
        why = []
        ask(why, "it did not pass before", self.both(self.a, self.b, (2000, 9)))
        self.client.say("port-del", f"ifname={self.b.name}")
        self.c.mac, self.c.addresses = self.b.mac, self.b.addresses
        self.c.become_port("acl=closed")
        ask(why, "it did", not self.passes(self.a, self.c, (2000, 9)))
        ask(why, "an answer did", not self.passes(self.c, self.a, (9, 2000)))
        ask(why, "what it allows did not", self.both(self.a, self.c, (2000, 7)))
        result("own say: a port has allowed nothing that another has", why)

    def reused(self):
        """The same taps in another VPC, whose connections are in the same zone."""
        why = []
        self.acl("nine", "direction=1 action=1 ethertype=2048 protocol=17 dport-min=9 "
                 "dport-max=9 stateful=flag:")
        self.acl("seven", "direction=1 action=1 ethertype=2048 protocol=17 dport-min=7 "
                 "dport-max=7 stateful=flag:")
        for number, acl in ((10, "nine"), (10 + (1 << 16), "seven")):
            self.client.say("vpc-new", f"id={number}")
            for tap, name in ((self.a, "out"), (self.b, acl)):
                tap.vpc = number
                tap.become_port(f"acl={name}")
            if acl == "nine":
                ask(why, "it did not pass before", self.both(self.a, self.b, (2000, 9)))
                # One after the other, so that the zone is free.
                for tap in (self.a, self.b):
                    self.client.say("port-del", f"ifname={tap.name}")
                self.client.say("vpc-del", f"id={number}")
        ask(why, "it did", not self.passes(self.a, self.b, (2000, 9)))
        ask(why, "an answer did", not self.passes(self.b, self.a, (9, 2000)))
        ask(why, "what it allows did not", self.both(self.a, self.b, (2000, 7)))
        result("reused: taps and zone know nothing of the VPC before", why)


def main():
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    trial = Trial()
    trial.limit()
    trial.ended()
    trial.unusual()
    trial.own_say()
    trial.reused()


if __name__ == "__main__":
    main()
