#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Has ports do too much of something, and sees that they are held back, and others
are not.

usage: vpc_limits.py

In a namespace that tenants_lib.sh has made a host.
"""

import socket
import sys
import time

import genl
import vpc
from frames import ARP
from frames import BROADCAST
from frames import IPV4
from frames import arp
from frames import ether
from frames import ip4
from frames import udp
from vpc_taps import Tap
from vpc_taps import result
from vpc_taps import risen

RED, BLUE = 7, 9
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_GENERIC = 270, 1, 16
# Copies that a port may cause in a second.
COPIES = 10000


class Listener:
    """A socket that hears a group's events."""

    def __init__(self, group, attribute):
        self.attribute = attribute
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        self.sock.settimeout(1)

    def counts(self):
        """How many events have come, by the port's index."""
        counts = {}
        while True:
            try:
                message = self.sock.recv(1 << 16)
            except TimeoutError:
                return counts
            found = dict(genl.attributes(message[20:]))
            index = int.from_bytes(found[self.attribute], sys.byteorder)
            counts[index] = counts.get(index, 0) + 1


def ticked():
    """Seconds, of the clock that goes on with the ticks by which the module counts."""
    return time.clock_gettime(6)  # CLOCK_MONOTONIC_COARSE


class Trial:
    """Two VMs of one tenant, one of another."""

    def __init__(self):
        self.client = vpc.Vpc()
        self.a, self.b, self.c = (
            Tap(self.client, f"tap{name}", id_, bytes([2, 0, 0, 0, 0, n]), (f"10.9.0.{n}",))
            for name, n, id_ in (("a", 0x21, RED), ("b", 0x22, RED), ("c", 0x23, BLUE)))

    def announce(self, tap, count):
        """Sends to all, so many times; returns what was counted, and how long it took."""
        before, began = tap.counters(), ticked()
        address = tap.addresses[0]
        for _ in range(count):
            tap.send(ether(BROADCAST, tap.mac, ARP, arp(1, (tap.mac, address),
                                                        (bytes(6), address))))
        return risen(before, tap.counters()), ticked() - began

    def floods(self):
        """It is copies that count."""
        why, count = [], 400
        rise, _ = self.announce(self.a, count)
        if rise != {"rx-packets": count}:
            why.append(f"of few copies each: {rise}")
        result("flood: many frames of few copies pass", why)
        remotes = [f"10.1.{n // 200 + 1}.{n % 200 + 1}" for n in range(498)]
        for remote in remotes:
            self.client.say("remote-new", f"vpc={RED}", f"address={remote}", "flood=flag:")
        # Those, another port and the other host.
        time.sleep(2)
        rise, seconds = self.announce(self.a, count)
        passed, most = rise.get("rx-packets", 0), (1 + seconds) * COPIES / 500 + 1
        why = []
        if not COPIES // 500 <= passed <= most or passed + rise.get("flood_rate", 0) != count:
            why.append(f"{rise} of {count} in {seconds:.3f} s")
        result("flood: few of many copies do", why)
        rise, _ = self.announce(self.c, count)
        why = [] if rise == {"rx-packets": count} else [f"{rise}"]
        result("flood: another port is not held back", why)
        for remote in remotes:
            self.client.say("remote-del", f"vpc={RED}", f"address={remote}")

    def events(self):
        """Who causes many events silences nobody."""
        self.client.say("acl-new", "name=log")
        self.client.say("rule-new", "acl=log", "priority=1", "direction=0", "action=1", "log=flag:")
        for tap in (self.a, self.c):
            tap.become_port("acl=log")
        for group, attribute, most in (("miss", 2, 1), ("log", 1, 10)):
            heard = Listener(self.client.groups[group], attribute)
            time.sleep(1.1)
            took = {}
            for tap in (self.a, self.c):
                began = ticked()
                frame = ether(bytes([2, 0, 0, 0, 9, 9]), tap.mac, IPV4,
                              ip4(tap.addresses[0], "10.9.0.99",
                                  udp(tap.addresses[0], "10.9.0.99")))
                for _ in range(100):
                    tap.send(frame)
                took[tap] = ticked() - began
            counts = heard.counts()
            why = []
            for tap in (self.a, self.c):
                with open(f"/sys/class/net/{tap.name}/ifindex", encoding="ascii") as f:
                    count = counts.get(int(f.read()), 0)
                if not most <= count <= most * (1 + took[tap]):
                    why.append(f"{count} about {tap.name} in {took[tap]:.3f} s")
            result(f"events: {group} is told of each of two ports", why)


def main():
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    trial = Trial()
    trial.floods()
    trial.events()


if __name__ == "__main__":
    main()
