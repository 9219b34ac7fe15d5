#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Lets one allocation after the other fail in requests to vpc_hook, and under
frames that pass it (see faults.py).

usage: vpc_faults.py

A request that fails has changed nothing; one that does not has done what it says.
In a namespace that tenants_lib.sh has made a host.
"""

import socket
import time

import faults
import frames
import nl
import vpc
from frames import ARP
from frames import IPV4
from frames import IPV6
from frames import arp
from frames import ether
from frames import ip4
from frames import ip6
from frames import nd
from frames import udp
from vpc_taps import Tap
from vpc_taps import ip
from vpc_taps import result

RED, GREEN = 7, 11
REMOTE = "10.1.0.2"
MACS = [bytes([2, 0, 0, 0, 0, n]) for n in range(8)]
GATEWAY = bytes([2, 0, 0, 0, 0, 0xfe])
PORT = f"port-new replace ifname=tapf vpc={GREEN} mac=02:00:00:00:00:01"
RULE = "rule-new acl=a direction=0 action=1"

# What is done, and what undoes it; each on top of those before.
STEPS = (
    (f"vpc-new id={GREEN} name=green", f"vpc-del id={GREEN}"),
    (f"vpc-new replace id={GREEN} name=verde gateway=02:00:00:00:00:fe",
     f"vpc-new replace id={GREEN} name=green"),
    (f"remote-new vpc={GREEN} address=10.1.0.3 flood=flag:",
     f"remote-del vpc={GREEN} address=10.1.0.3"),
    (f"remote-new vpc={GREEN} address={REMOTE} flood=flag:",
     f"remote-del vpc={GREEN} address={REMOTE}"),
    (f"remote-new replace vpc={GREEN} address={REMOTE}",
     f"remote-new replace vpc={GREEN} address={REMOTE} flood=flag:"),
    (f"remote-new replace vpc={GREEN} address={REMOTE} flood=flag:",
     f"remote-new replace vpc={GREEN} address={REMOTE}"),
    ("acl-new name=a", "acl-del name=a"),
    ("group-new name=g member=10.9.0.0/16 member=fd00::/16", "group-del name=g"),
    (f"{RULE} priority=1 src-group=g ethertype=0x800 protocol=17 dport-min=1 dport-max=99 "
     "stateful=flag:", "rule-del acl=a priority=1"),
    (f"{RULE} priority=2", "rule-del acl=a priority=2"),
    ("rule-new acl=a direction=1 action=1 priority=3", "rule-del acl=a priority=3"),
    ("port-new ifname=tapf vpc=7 mac=02:00:00:00:00:02 address=10.9.0.2",
     "port-del ifname=tapf"),
    (f"{PORT} address=10.9.0.1 address=fd00:9::1 acl=a",
     "port-new replace ifname=tapf vpc=7 mac=02:00:00:00:00:02 address=10.9.0.2"),
    (f"{PORT} address=10.9.0.1/24 address=10.9.0.3 max-connections=5 acl=a",
     f"{PORT} address=10.9.0.1 address=fd00:9::1 acl=a"),
    # The ACL is one that packets ask.
    ("group-new append=flag: name=g member=12.0.0.0/8",
     "group-new replace name=g member=10.9.0.0/16 member=fd00::/16"),
    (f"{RULE} priority=4 src=10.0.0.0/8 dst=10.0.0.0/9 log=flag:", "rule-del acl=a priority=4"),
    (f"{RULE} priority=5 icmp-type=8 ethertype=0x800 protocol=1", "rule-del acl=a priority=5"),
    (f"entry-new vpc={GREEN} mac=02:00:00:00:00:05 remote={REMOTE}",
     f"entry-del vpc={GREEN} mac=02:00:00:00:00:05"),
    (f"entry-new vpc={GREEN} mac=02:00:00:00:00:05 address=10.9.0.5",
     f"entry-del vpc={GREEN} address=10.9.0.5"),
    ("config-set tunnel=0", f"config-set tunnel={socket.if_nametoindex('mgre0')}"),
    ("config-set max-entries=77", "config-set max-entries=2097152"),
)


class Trial:
    """A socket, and a tap that is no port."""

    def __init__(self):
        self.client = vpc.Vpc()

    def say(self, line):
        self.client.say(*line.split())

    def step(self, name, do, undo):
        """Each allocation fails once in what `do` does."""
        before = self.client.everything()
        do()
        done = self.client.everything()
        undo()
        why = []
        if self.client.everything() != before:
            why.append("is not undone by what undoes it")

        def after(nth, error):
            now = self.client.everything()
            # An OSError is about the answer: the socket has no memory for it.
            good = (done,) if error is None else (before,)
            if isinstance(error, OSError):
                good = (before, done)
            if now not in good:
                differs = [f"{key}: {value}" for key, value in now.items()
                           if value != good[0][key]]
                why.append(f"allocation {nth}, {error}: {'; '.join(differs)}")
            if now != before:
                undo()

        count = faults.sweep(do, after)
        if not count:
            why.append("no allocation failed")
        do()
        if self.client.everything() != done:
            why.append("does not work any more")
        result(f"{name} ({count} allocations)", why)

    def steps(self):
        for do, undo in STEPS:
            self.step(do, lambda: self.say(do), lambda: self.say(undo))
        for do, undo in reversed(STEPS):
            self.step(undo, lambda: self.say(undo), lambda: self.say(do))

    def transact(self, begin, *lines):
        """A transaction; what fails ends it."""
        try:
            self.say(begin)
            for line in lines:
                self.say(line)
            self.say("commit")
        except (nl.NetlinkError, OSError):
            try:
                self.say("abort")
            except nl.NetlinkError as e:
                if e.name != "ENOENT":
                    raise
            raise

    def transactions(self):
        for do, _ in STEPS:
            self.say(do)
        more = ("vpc-new id=12 name=more", f"remote-new vpc=12 address={REMOTE} flood=flag:",
                "acl-new name=b", f"{RULE.replace('=a', '=b')} priority=1 stateful=flag:",
                "port-new replace ifname=tapf vpc=12 mac=02:00:00:00:00:07 acl=b")
        less = (f"{PORT} address=10.9.0.1/24 address=10.9.0.3 max-connections=5 acl=a",
                "acl-del name=b", f"remote-del vpc=12 address={REMOTE}", "vpc-del id=12")
        self.step("a transaction that adds", lambda: self.transact("begin copy=flag:", *more),
                  lambda: self.transact("begin copy=flag:", *less))
        self.step("a transaction that takes away",
                  lambda: self.transact("begin copy=flag:", *less),
                  lambda: self.transact("begin copy=flag:", *more))
        for _, undo in reversed(STEPS):
            self.say(undo)

    def frames(self):
        """Frames that somebody gets, or that are answered."""
        self.say("vpc-new replace id=7 name=red gateway=02:00:00:00:00:fe")
        self.say("acl-new name=a")
        self.say(f"{RULE} priority=1 stateful=flag: log=flag:")
        a, b, c = (Tap(self.client, f"tap{name}", RED, MACS[n], (f"10.9.0.{n}", f"fd00:9::{n}"))
                   for n, name in enumerate("abc", 1))
        self.say(f"entry-new vpc={RED} mac={MACS[4].hex(':')} remote={REMOTE}")
        self.say(f"entry-new vpc={RED} mac={MACS[4].hex(':')} address=10.9.0.4")
        group = frames.solicited("fd00:9::2")

        def datagram(to, mac, size=26, hops=64, version=4):
            if version == 6:
                return ether(mac, a.mac, IPV6, ip6("fd00:9::1", to, udp(
                    "fd00:9::1", to, payload=bytes(size)), hops=hops))
            return ether(mac, a.mac, IPV4, ip4("10.9.0.1", to, udp(
                "10.9.0.1", to, payload=bytes(size)), ttl=hops))

        tried = {
            "to a VM here": (datagram("10.9.0.2", b.mac), b),
            "IPv6 to a VM here": (datagram("fd00:9::2", b.mac, version=6), b),
            "to a remote": (datagram("10.9.0.4", MACS[4]), None),
            "to a remote, too long": (datagram("10.9.0.4", MACS[4], 1700), a),
            "through the gateway": (datagram("10.9.0.2", GATEWAY), b),
            "through the gateway, too late": (datagram("10.9.0.2", GATEWAY, hops=1), a),
            "to all": (ether(frames.BROADCAST, a.mac, IPV4, ip4(
                "10.9.0.1", "255.255.255.255", udp("10.9.0.1", "255.255.255.255"))), c),
            "to nobody": (datagram("10.9.0.99", MACS[7]), None),
            "an ARP request": (ether(frames.BROADCAST, a.mac, ARP, arp(
                1, (a.mac, "10.9.0.1"), (bytes(6), "10.9.0.2"))), a),
            "a solicitation": (ether(frames.group_mac(group), a.mac, IPV6, nd(
                "fd00:9::1", group, frames.NS, target="fd00:9::2", mac=a.mac)), a),
        }
        for kept in (False, True):
            a.become_port(*["acl=a"] * kept)
            for name, (frame, to) in tried.items():
                if kept:
                    name += ", with rules"
                self.pass_through(name, frame, a, to, (a, b, c))
        self.again(a, b, c)
        # Gone with their taps.
        for tap in (a, b, c):
            ip("link", "del", tap.name)
        self.say(f"entry-del vpc={RED} address=10.9.0.4")
        self.say(f"entry-del vpc={RED} mac={MACS[4].hex(':')}")
        self.say("acl-del name=a")
        self.say("vpc-new replace id=7 name=red")

    def again(self, a, b, c):
        """In a transaction, an ACL of two ports is changed, which fails, and again."""
        for tap in (a, b):
            tap.become_port("acl=a")
        why, armed, reached, nth = [], faults.Faults(), True, 0
        while reached:
            nth += 1
            self.say("begin copy=flag:")
            reached, error = armed.call(nth, lambda: self.say(f"{RULE} priority=9"))
            try:
                self.say(f"{RULE} priority=9")
            except nl.NetlinkError as e:
                # It had been done, and only the answer was lost.
                if e.name != "EEXIST":
                    raise
            self.say("commit")
            for tap in (a, b):
                c.received()
                there = tap.addresses[0], c.addresses[0]
                tap.send(ether(c.mac, tap.mac, IPV4, ip4(*there, udp(*there))))
                if not c.received(1):
                    why.append(f"allocation {nth}, {error}: {tap.name} does not get through")
            self.say("rule-del acl=a priority=9")
        result(f"a change of two ports' ACL, and again ({nth - 1} allocations)", why)

    @staticmethod
    def pass_through(name, frame, sender, to, taps):
        why = []

        def after(nth, error):
            # Told to the VM as any other loss in its tap, or not at all.
            if error is not None and not isinstance(error, OSError):
                why.append(f"allocation {nth}: {error}")

        count = faults.sweep(lambda: sender.send(frame), after)
        for tap in taps:
            tap.received()
        # What may be said once a second has to be said again.
        time.sleep(1.1)
        sender.send(frame)
        if to is not None and not to.received(1):
            why.append("does not pass any more")
        result(f"{name} ({count} allocations)", why)


def main():
    trial = Trial()
    ip("tuntap", "add", "tapf", "mode", "tap", "multi_queue")
    ip("link", "set", "tapf", "master", "br0", "up")
    trial.steps()
    trial.transactions()
    ip("link", "del", "tapf")
    trial.frames()


if __name__ == "__main__":
    main()
