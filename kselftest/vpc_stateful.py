#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends UDP between ports whose ACLs keep connections, and sees which rule lets
it pass, and how many are kept.

usage: vpc_stateful.py

In a namespace that tenants_lib.sh has made a host.
"""

import sys
import time

import vpc
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


def main():
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    trial = Trial()
    trial.limit()
    trial.ended()


if __name__ == "__main__":
    main()
