#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Listens to what the family "vpc_hook" tells: that something has changed, what
nobody is known to have, what rules log.

usage: vpc_notify.py NAMESPACE-A NAMESPACE-B

A is a host that tenants_lib.sh has made; nothing in it is to be heard in B.
"""

import os
import subprocess
import sys
import time

import frames
import genl
import nl
import vpc
import wire
from frames import ARP
from frames import IPV4
from frames import arp
from frames import ether
from frames import ip4
from frames import udp
from vpc_taps import Tap
from vpc_taps import result

RED = 7
CONFIG_NTF, MISS_NTF, LOG_NTF = 28, 29, 30
V, W, NOBODY = (bytes([2, 0, 0, 0, 0, n]) for n in (0x12, 0x13, 0x77))
V4, W4, NOBODY4 = "10.9.0.18", "10.9.0.19", "10.9.0.119"
MISSES, LOGS, SECONDS = 1, 10, 3
EGRESS, INGRESS, DROP, ALLOW = 0, 1, 0, 1
# As much of a frame as is logged.
HEADER = 96


class Ear(genl.Family):
    """Listens to some groups, in the namespace that it is made in."""

    def __init__(self, *groups):
        super().__init__("vpc_hook")
        for group in groups:
            self.join(group)


def plain(told, command):
    """What is wrong with a message but for its attributes."""
    header, got, _ = told
    # Nobody has asked: no number, no port, no flags.
    return [] if (header, got) == ((0, 0, 0), command) else [f"header {header}, command {got}"]


class Changes:
    """What is told of changes, here and elsewhere."""

    def __init__(self, ns_a, ns_b):
        wire.enter(ns_b)
        self.far = Ear("monitor", "miss", "log")
        wire.enter(ns_a)
        self.near, self.client = Ear("monitor"), vpc.Vpc()

    def generation(self):
        config, = self.client.say("config-get")
        return config["generation"]

    def one(self, name, *request, do=None, count=1):
        """A request, or whatever: so many changes are told, each with its generation."""
        self.near.heard()
        before, why = self.generation(), []
        try:
            if do:
                do()
            else:
                self.client.say(*request)
            refused = False
        except nl.NetlinkError:
            refused = True
        # The kernel tells before it answers.
        told = self.near.heard(0 if do is None else 0.2)
        if refused != (count is None):
            why.append("was not refused" if count is None else "was refused")
        for message in told:
            why += plain(message, CONFIG_NTF)
        said = [vpc.decode(body, vpc.SETS["config"]) for _, _, body in told]
        wanted = [{"generation": before + n + 1} for n in range(count or 0)]
        if said != wanted:
            why.append(f"told {said}, not {wanted}")
        if self.generation() != before + (count or 0):
            why.append(f"generation {before}, then {self.generation()}")
        if self.far.heard():
            why.append("heard in another namespace")
        result(f"change: {name}", why)

    def object(self, kind, key, rest, other):
        """Made, made again, replaced, replaced by another, looked at, removed, twice."""
        self.one(f"{kind}-new", f"{kind}-new", *key, *rest)
        self.one(f"{kind}-new, refused", f"{kind}-new", *key, *rest, count=None)
        self.one(f"{kind}-new, replaced", f"{kind}-new", "replace", *key, *other)
        self.one(f"{kind}-get", f"{kind}-get", *key, count=0)
        self.one(f"{kind}-get of all", f"{kind}-get", "dump", count=0)
        self.one(f"{kind}-del", f"{kind}-del", *key)
        self.one(f"{kind}-del, refused", f"{kind}-del", *key, count=None)

    def objects(self, tap):
        remote = ["vpc=70", "address=10.1.0.2"]
        self.object("vpc", ["id=71"], ["name=x"], ["gateway=02:00:00:00:00:fe"])
        self.client.say("vpc-new", "id=70")
        self.object("remote", remote, [], ["flood=flag:"])
        self.client.say("remote-new", *remote)
        self.object("entry", ["vpc=70", "mac=02:00:00:00:07:01"], ["remote=10.1.0.2"],
                    ["remote=10.1.0.2", "forward=1000"])
        self.client.say("entry-new", "vpc=70", "mac=02:00:00:00:07:01", "remote=10.1.0.2")
        address = ["vpc=70", "address=10.9.7.1"]
        self.one("an address", "entry-new", *address, "mac=02:00:00:00:07:01")
        self.one("an address, removed", "entry-del", *address)
        self.object("group", ["name=x"], ["member=10.9.0.0/24"], ["member=10.9.0.1"])
        self.client.say("group-new", "name=x")
        self.one("a member of a group", "group-new", "name=x", "append=flag:", "member=10.9.0.2")
        self.object("acl", ["name=x"], [], [])
        self.client.say("acl-new", "name=x")
        self.object("rule", ["acl=x", "priority=1"], ["direction=0", "action=1"],
                    ["direction=0", "action=0"])
        self.object("port", [f"ifname={tap}"], ["vpc=70", "mac=02:00:00:00:07:02"],
                    ["vpc=70", "mac=02:00:00:00:07:03", "acl=x"])
        config, = self.client.say("config-get")
        for word in (f"max-entries={config['max-entries']}", "tunnel=0",
                     f"tunnel={config['tunnel']}"):
            self.one(word.partition("=")[0], "config-set", word)
        self.one("config-set, refused", "config-set", "tunnel=0x7fffffff", count=None)
        self.client.say("port-new", f"ifname={tap}", "vpc=70", "mac=02:00:00:00:07:02")
        trace = f"ifindex={self.client.say('port-get', f'ifname={tap}')[0]['ifindex']}"
        frame = "frame=" + "ff" * 6 + "020000000702" + "0800" + "45" + "00" * 40
        self.one("trace", "trace", trace, frame, count=0)

    def devices(self, tap):
        """Devices that go, without a request."""
        def ip(*words):
            subprocess.check_call(["ip", *words])

        ip("link", "add", "nothing", "type", "veth", "peer", "name", "nothing1")
        self.one("a device that is no port goes", do=lambda: ip("link", "del", "nothing"),
                 count=0)
        self.one("the device of a port goes", do=lambda: ip("link", "del", tap))

    def transactions(self):
        """Are told of when they are in force, as one change."""
        self.one("begin", "begin", "copy=flag:", count=0)
        for n in range(3):
            self.one("within a transaction", "vpc-new", f"id={90 + n}", count=0)
        self.one("refused within a transaction", "vpc-new", "id=90", count=None)
        self.one("commit", "commit")
        self.client.say("begin", "copy=flag:")
        self.client.say("vpc-del", "id=90")
        self.one("abort", "abort", count=0)
        self.client.say("begin", "copy=flag:")
        other = vpc.Vpc()
        other.say("vpc-del", "id=91")
        self.one("a commit that comes too late", "commit", count=None)
        self.one("begin, refused", "begin", "generation=1", count=None)
        self.one("commit without begin", "commit", count=None)
        other.say("begin", "copy=flag:")
        other.say("vpc-del", "id=92")
        self.one("its socket is closed", do=other.sock.close, count=0)
        answers = []

        def nothing():
            self.client.say("begin", "copy=flag:")
            answers.extend(self.client.say("commit"))

        self.one("a commit of what is there already", do=nothing)
        right = answers == [{"generation": self.generation()}]
        result("change: the answer to commit has its generation", [] if right else [f"{answers}"])


class Packets:
    """What is told of packets, here and elsewhere."""

    def __init__(self, changes):
        self.client, self.far = changes.client, changes.far
        self.tap = Tap(self.client, "tapv", RED, V, (V4,))
        self.other = Tap(self.client, "tapw", RED, W, (W4,))
        self.ifindex = {tap.name: self.client.say("port-get", f"ifname={tap.name}")[0]["ifindex"]
                        for tap in (self.tap, self.other)}

    def heard(self, ear, kind, wait):
        """What is told: the messages' attributes, and what is wrong with the rest."""
        found, why = [], []
        for message in ear.heard(wait):
            why += plain(message, {"miss": MISS_NTF, "log": LOG_NTF}[kind])
            found.append(vpc.decode(message[2], vpc.SETS[kind]))
        return found, why

    def one(self, name, kind, frame, wanted):
        """A frame, and what is told of it."""
        # A second of its own.
        ear = Ear(kind)
        time.sleep(1.1)
        self.tap.send(frame)
        found, why = self.heard(ear, kind, 1)
        for each in found:
            each.pop("missed", None)
        if found != [wanted]:
            why.append(f"told {found}, not {wanted}")
        if self.far.heard():
            why.append("heard in another namespace")
        result(name, why)

    def often(self, name, kind, frame, most):
        """So many a second and no more; the others are counted."""
        ear, sent, told, why = Ear(kind), 0, [], []
        # Before, nobody listened, or it was told.
        time.sleep(1.1)
        began = last = time.monotonic()
        lost = 0
        while last < began + SECONDS:
            for _ in range(5):
                self.tap.send(frame)
                sent += 1
            told += self.heard(ear, kind, 0.01)[0]
            self.other.received()
            now = time.monotonic()
            # Who stood still for more than a second has not sent in all of them.
            lost, last = lost + max(0, now - last - 1), now
        took = last - began
        time.sleep(1.1)
        self.tap.send(frame)
        sent += 1
        told += self.heard(ear, kind, 1)[0]
        others = sum(each["missed"] for each in told)
        # Seconds are those of the clock: the first and the last are parts; then the last frame.
        bounds = (SECONDS - lost) * most, (1 + took) * most + 1
        if not bounds[0] <= len(told) <= bounds[1]:
            why.append(f"told {len(told)} times, not {bounds[0]:.1f} to {bounds[1]:.1f}")
        if len(told) + others != sent:
            why.append(f"{sent} sent, {len(told)} told, {others} counted")
        if sent < 3 * bounds[1]:
            why.append(f"{sent} sent, which is too few")
        result(name, why)

    def misses(self):
        def to(mac, address):
            return ether(mac, V, IPV4, ip4(V4, address, udp(V4, address)))

        where = {"vpc": RED, "ifindex": self.ifindex["tapv"]}
        self.one("miss: a MAC address", "miss", to(NOBODY, NOBODY4),
                 where | {"mac": NOBODY.hex(":"), "address": NOBODY4})
        self.one("miss: an address that is asked for", "miss",
                 ether(frames.BROADCAST, V, ARP, arp(1, (V, V4), (bytes(6), NOBODY4))),
                 where | {"address": NOBODY4})
        self.often("miss: once a second", "miss", to(NOBODY, NOBODY4), MISSES)

    def logs(self):
        self.client.say("acl-new", "name=log")
        for priority, direction, action, port in (
                (5, EGRESS, ALLOW, 7), (6, EGRESS, DROP, 9), (7, EGRESS, ALLOW, None),
                (8, INGRESS, DROP, 7), (9, INGRESS, ALLOW, None)):
            some = [f"dport-min={port}", f"dport-max={port}", "protocol=17", "log=flag:"]
            self.client.say("rule-new", "acl=log", f"priority={priority}",
                            f"direction={direction}", f"action={action}", *(some if port else []))

        def to(port):
            return ether(W, V, IPV4, ip4(V4, W4, udp(V4, W4, (1000, port), bytes(200))))

        def logged(tap, priority, direction, action, port):
            return {"ifindex": self.ifindex[tap.name], "acl": "log", "priority": priority,
                    "direction": direction, "action": action, "header": to(port)[:HEADER].hex()}

        self.tap.become_port("acl=log")
        self.one("log: a packet that a rule allows", "log", to(7),
                 logged(self.tap, 5, EGRESS, ALLOW, 7))
        self.one("log: one that a rule drops", "log", to(9),
                 logged(self.tap, 6, EGRESS, DROP, 9))
        self.often("log: ten a second", "log", to(9), LOGS)
        self.tap.become_port()
        self.other.become_port("acl=log")
        self.one("log: on the way to a VM", "log", to(7),
                 logged(self.other, 8, INGRESS, DROP, 7))
        ear = Ear("log")
        self.tap.send(to(8))
        result("log: not by a rule that does not", self.heard(ear, "log", 0.2)[0])
        self.other.become_port()


def who_may():
    """Anybody may hear of changes; of packets only who has the capability."""
    for group, allowed in (("monitor", True), ("miss", False), ("log", False)):
        child = os.fork()
        if not child:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            try:
                Ear(group)
            except PermissionError:
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        why = [] if status == (0 if allowed else 1) else [f"exit status {status}"]
        result(f"{group}: {'anybody' if allowed else 'the admin only'}", why)


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    changes = Changes(*sys.argv[1:])
    subprocess.check_call(["ip", "tuntap", "add", "t0", "mode", "tap"])
    subprocess.check_call(["ip", "link", "set", "t0", "master", "br0", "up"])
    changes.objects("t0")
    changes.devices("t0")
    changes.transactions()
    who_may()
    packets = Packets(changes)
    packets.misses()
    packets.logs()


if __name__ == "__main__":
    main()
