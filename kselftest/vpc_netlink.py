#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes wrong requests to the family "vpc_hook" out of right ones.

usage: vpc_netlink.py COUNT TAP OTHER-TAP

Each attribute of each request is left out, too short, too long, out of range,
and given twice; then COUNT requests of garbage. A request that is refused must
say why and change nothing; one with an attribute twice must do what it does with
the last of them alone. TAP and OTHER-TAP are taps in a bridge that are no ports.
KSFT_SEED sets another seed.
"""

import os
import random
import struct
import subprocess
import sys

import genl
import nl
import vpc
import vpc_most

# The core's own refusals, for which it has no text.
SILENT = ("EOPNOTSUPP", "ENOTSUP", "EPERM")
MAC, MAC2, MAC3 = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
# Of a kind that a device may have (MAX_HOOK_COUNT in net/netfilter/core.c).
MOST_HOOKS = 1024
REMOTE, REMOTE2 = "10.1.0.2", "10.1.0.3"
# How long each type is.
LENGTHS = {"u8": 1, "u16": 2, "u32": 4, "mac": 6}
# Values that are too large, or no address of one station or host.
BAD = {
    "vpc id": ("u32:0", "u32:0x1000000", "u32:0xffffffff"),
    "vpc name": ("str:" + "x" * 32, "hex:", "hex:616263"),
    "vpc gateway": ("mac:01:00:5e:00:00:01", "mac:ff:ff:ff:ff:ff:ff", "mac:00:00:00:00:00:00"),
    "port vpc": ("u32:0", "u32:8", "u32:0x1000000"),
    "port mac": ("mac:03:00:00:00:00:01", "mac:ff:ff:ff:ff:ff:ff", "mac:00:00:00:00:00:00"),
    "port ifindex": ("u32:0", "u32:0x7fffffff", "u32:0x80000000", "u32:0xffffffff"),
    "port ifname": ("str:nobody", "str:abcdefghijklmnop", "hex:"),
    "port flags": ("u32:0x20", "u32:0x80000000"),
    "port acl": ("str:nobody", "str:" + "x" * 32),
    "port address": ("net:10.9.0.1/33", "net:fd00::1/129", "net:224.0.0.1", "net:ff02::1",
                     "hex:", "hex:0102", "hex:0800020018000000", "hex:060001000a090000",
                     "hex:080001000a0900010800020018000000", "hex:0600018000000000"),
    "remote vpc": ("u32:0", "u32:8", "u32:0x1000000"),
    "remote address": ("addr:0.0.0.0", "addr:224.0.0.1", "addr:255.255.255.255",
                       "addr:127.0.0.1", "addr:::", "addr:ff02::1", "addr:10.1.0.1",
                       "hex:", "hex:0a0100", "hex:0a01000200", "hex:" + "11" * 15,
                       "hex:" + "11" * 17),
    "entry vpc": ("u32:0", "u32:8", "u32:0x1000000"),
    "entry mac": ("mac:03:00:00:00:00:01", "mac:00:00:00:00:00:00"),
    "entry address": ("addr:224.0.0.1", "addr:255.255.255.255", "addr:::", "addr:ff02::1",
                      "hex:", "hex:0a0100", "hex:" + "11" * 17),
    "entry remote": ("addr:10.1.0.99", "addr:0.0.0.0", "hex:", "hex:" + "11" * 17),
    "entry forward": ("u32:600001", "u32:0xffffffff"),
    "acl name": ("str:" + "x" * 32, "hex:"),
    "rule acl": ("str:nobody", "str:" + "x" * 32, "hex:"),
    "rule direction": ("u32:2", "u32:0xffffffff"),
    "rule action": ("u32:2", "u32:0xffffffff"),
    "rule src": ("net:10.9.0.0/33", "net:fd00::/129", "hex:", "hex:0102"),
    "rule dst": ("net:10.9.0.0/33", "net:fd00::/129", "hex:", "hex:0102"),
    "rule src-group": ("str:nobody", "str:" + "x" * 32),
    "rule dst-group": ("str:nobody", "str:" + "x" * 32),
    "group name": ("str:" + "x" * 32, "hex:"),
    "group member": ("net:10.9.0.0/33", "net:fd00::/129", "hex:", "hex:0102"),
    "trace ifindex": ("u32:0", "u32:0x7fffffff", "u32:0xffffffff"),
    "trace frame": ("hex:", "hex:" + "00" * 13, "hex:" + "00" * 9217),
    "config tunnel": ("u32:0x7fffffff", "u32:0x80000000", "u32:0xffffffff"),
}


# By what each object is named.
NAMES = {"vpc": ("id",), "port": ("ifname", "ifindex"), "remote": ("vpc", "address"),
         "entry": ("vpc", "mac", "address"), "acl": ("name",), "rule": ("acl", "priority"),
         "group": ("name",)}


class Check:
    """Requests, and what has to come of them."""

    def __init__(self, tap, other):
        self.vpc, self.tap, self.other = vpc.Vpc(), tap, other
        self.state = self.vpc.everything()

    def result(self, name, why=""):
        # What is behind a colon is the reason.
        name = name.replace(": ", ", ")
        print(f"FAIL {name}: {why}" if why else f"PASS {name}", flush=True)

    def said(self, command, words):
        """What the module says: None if it does it."""
        try:
            self.vpc.say(command, *words)
        except nl.NetlinkError as e:
            return e
        return None

    def unchanged(self):
        """What is different, if anything is, of what is configured."""
        before, self.state = self.state, self.vpc.everything()
        if before == self.state:
            return ""
        differs = [f"{key}: {before[key]}, then {value}"
                   for key, value in self.state.items() if before[key] != value]
        return "changed " + "; ".join(differs)

    def refused(self, name, command, *words, error=None):
        """A wrong request is refused with a reason, and changes nothing."""
        said = self.said(command, words)
        why = []
        if said is None:
            why.append("was not refused")
        elif error and said.name not in error.split("|"):
            why.append(f"said {said}, not {error}")
        elif not said.text and said.name not in SILENT:
            why.append(f"no text: {said}")
        changed = self.unchanged()
        if changed:
            why.append(changed)
        self.result(f"{command}: {name}", ", ".join(why))
        if said is None and command.endswith("-new"):
            # What should not be there is out of the way of what comes next.
            kind = command.partition("-")[0]
            self.said(f"{kind}-del", [w for w in words if w.partition("=")[0] in NAMES[kind]])
            self.state = self.vpc.everything()

    def done(self, command, *words):
        """A right one; not a result of its own."""
        self.vpc.say(command, *words)
        self.state = self.vpc.everything()


def wrong_lengths(fields, word):
    """The same attribute with fewer and with more bytes than its type has."""
    name = word.partition("=")[0]
    kind = dict(fields).get(name)
    content = vpc.attribute(fields, word)[4:][:LENGTHS.get(kind, 0)]
    if kind not in LENGTHS:
        return
    yield "empty", f"{name}=hex:"
    if len(content) > 1:
        yield "short", f"{name}=hex:{content[:-1].hex()}"
    yield "long", f"{name}=hex:{content.hex()}00"
    yield "twice as long", f"{name}=hex:{content.hex()}{content.hex()}"


def variants(check, command, needed, words):
    """Everything that can be wrong with a request of which the words are right, and some needed."""
    kind = command.partition("-")[0]
    fields = vpc.fields_of(command)
    for word in words:
        name = word.partition("=")[0]
        rest = [w for w in words if w is not word]
        if name in needed:
            check.refused(f"no {name}", command, *rest)
        for what, bad in wrong_lengths(fields, word):
            check.refused(f"{name}, {what}", command, *rest, bad)
        for bad in BAD.get(f"{kind} {name}", ()):
            check.refused(f"{name} {bad}", command, *rest, f"{name}={bad}")
    known = len(fields)
    for number in (known, known + 1, 100, 0x3fff):
        check.refused(f"unknown attribute {number}", command, *words, f"{number}=u32:1")


def twice(check, command, undo, words, changed):
    """An attribute that is there twice: refused, or the last one counts."""
    said = check.said(command, [*words, changed])
    if said:
        why = check.unchanged() if said.text else f"no text: {said}"
        check.result(f"{command}: twice {changed}", why)
        return
    got = check.vpc.everything()
    check.done(*undo)
    name = changed.partition("=")[0]
    check.done(command, *(w for w in words if w.partition("=")[0] != name), changed)
    why = "" if got == check.state else "not as with the last alone"
    check.done(*undo)
    check.result(f"{command}: twice {changed}", why)


def requests(check):
    """Each request in turn, wrong first, then right; they build on each other."""
    tap, other = f"ifname={check.tap}", f"ifname={check.other}"
    variants(check, "config-set", (), ["tunnel=0", "max-entries=1000"])

    words = ["id=7", "name=red", "gateway=02:00:00:00:00:fe"]
    variants(check, "vpc-new", ("id",), words)
    for changed in ("gateway=02:00:00:00:00:fd", "name=green"):
        twice(check, "vpc-new", ("vpc-del", "id=7"), words, changed)
    twice(check, "vpc-new", ("vpc-del", "id=8"), words, "id=8")
    check.refused("there is none", "vpc-del", "id=7", error="ENOENT")
    check.refused("there is none", "vpc-get", "id=7", error="ENOENT")
    check.done("vpc-new", *words)
    check.done("vpc-new", "id=9", "name=blue")
    variants(check, "vpc-del", ("id",), ["id=7"])
    variants(check, "vpc-get", ("id",), ["id=7"])
    check.refused("is there already", "vpc-new", "id=7", error="EEXIST")
    check.refused("the name is another's", "vpc-new", "id=10", "name=red", error="EEXIST")
    check.refused("the name is another's", "vpc-new", "replace", "id=9", "name=red",
                  error="EEXIST")

    check.refused("there is no VPC", "remote-new", "vpc=8", f"address={REMOTE}", error="ENOENT")
    words = ["vpc=7", f"address={REMOTE}", "flood=flag:"]
    variants(check, "remote-new", ("vpc", "address"), words)
    check.refused("flood with a value", "remote-new", *words[:2], "flood=u32:1")
    twice(check, "remote-new", ("remote-del", "vpc=7", f"address={REMOTE2}"), words,
          f"address={REMOTE2}")
    twice(check, "remote-new", ("remote-del", "vpc=9", words[1]), words, "vpc=9")
    check.refused("there is none", "remote-del", *words[:2], error="ENOENT")
    check.done("remote-new", *words)
    check.refused("is there already", "remote-new", *words, error="EEXIST")
    variants(check, "remote-del", ("vpc", "address"), words[:2])
    variants(check, "remote-get", ("vpc", "address"), words[:2])
    check.refused("of another VPC", "remote-del", "vpc=9", words[1], error="ENOENT")

    words = ["vpc=7", f"mac={MAC2}", f"remote={REMOTE}", "forward=1000"]
    variants(check, "entry-new", ("vpc", "mac", "remote"), words)
    twice(check, "entry-new", ("entry-del", "vpc=7", f"mac={MAC3}"), words, f"mac={MAC3}")
    check.done("remote-new", "vpc=7", f"address={REMOTE2}")
    twice(check, "entry-new", ("entry-del", *words[:2]), words, f"remote={REMOTE2}")
    check.done("remote-del", "vpc=7", f"address={REMOTE2}")
    check.refused("through another VPC's remote", "entry-new", "vpc=9", *words[1:], error="ENOENT")
    check.refused("there is none", "entry-del", *words[:2], error="ENOENT")
    check.done("entry-new", *words[:3])
    check.refused("is there already", "entry-new", *words[:3], error="EEXIST")
    words = ["vpc=7", f"mac={MAC2}", "address=10.9.0.2"]
    variants(check, "entry-new", ("vpc", "mac"), words)
    twice(check, "entry-new", ("entry-del", "vpc=7", "address=10.9.0.3"), words,
          "address=10.9.0.3")
    check.refused("an IP address with a remote", "entry-new", *words, f"remote={REMOTE}")
    check.done("entry-new", *words)
    check.refused("is there already", "entry-new", *words, error="EEXIST")
    variants(check, "entry-del", ("vpc",), ["vpc=7", "address=10.9.0.2"])
    variants(check, "entry-get", ("vpc",), ["vpc=7", f"mac={MAC2}"])
    check.refused("an entry leads there", "remote-del", "vpc=7", f"address={REMOTE}",
                  error="EBUSY")

    variants(check, "group-new", ("name",), ["name=web", "member=10.9.0.0/24"])
    variants(check, "group-get", ("name",), ["name=web"])
    twice(check, "group-new", ("group-del", "name=other"), ["name=web", "member=10.9.0.0/24"],
          "name=other")
    check.refused("append to none", "group-new", "replace", "name=nobody", "append=flag:",
                  "member=10.9.0.1", error="ENOENT")
    check.done("group-new", "name=web", "member=10.9.0.0/24", "member=fd00:9::/64")
    check.refused("is there already", "group-new", "name=web", error="EEXIST")
    variants(check, "group-del", ("name",), ["name=web"])
    check.refused("there is none", "group-get", "name=nobody", error="ENOENT")
    check.refused("there is none", "group-del", "name=nobody", error="ENOENT")

    for command in ("acl-new", "acl-get", "acl-del"):
        variants(check, command, ("name",), ["name=front"])
    twice(check, "acl-new", ("acl-del", "name=other"), ["name=front"], "name=other")
    check.refused("there is none", "acl-get", "name=nobody", error="ENOENT")
    check.done("acl-new", "name=front")
    check.refused("is there already", "acl-new", "name=front", error="EEXIST")
    check.refused("there is none", "acl-del", "name=nobody", error="ENOENT")

    head = ["acl=front", "priority=10", "direction=1", "action=1"]
    words = [*head, "protocol=6", "src-group=web", "dst=10.9.0.1/32",
             "dport-min=80", "dport-max=443"]
    variants(check, "rule-new", ("acl", "priority", "direction", "action"), words)
    twice(check, "rule-new", ("rule-del", "acl=front", "priority=11"), words, "priority=11")
    for changed in ("direction=0", "action=0", "protocol=17", "dport-min=81", "dport-max=81",
                    "dst=10.9.0.2"):
        twice(check, "rule-new", ("rule-del", *head[:2]), words, changed)
    check.refused("ports the wrong way round", "rule-new", *head, "protocol=6",
                  "dport-min=443", "dport-max=80")
    check.refused("ports without a protocol that has any", "rule-new", *head, "dport-min=80")
    check.refused("ports of ICMP", "rule-new", *head, "protocol=1", "dport-min=80")
    check.refused("an ICMP type of TCP", "rule-new", *head, "protocol=6", "icmp-type=8")
    check.refused("IPv4 and IPv6 in one", "rule-new", *head, "src=10.9.0.1", "dst=fd00:9::1")
    check.refused("address and group at once", "rule-new", *head, "src=10.9.0.1", "src-group=web")
    check.done("rule-new", *words)
    check.refused("is there already", "rule-new", *words, error="EEXIST")
    check.refused("there is none", "rule-del", "acl=front", "priority=11", error="ENOENT")
    check.refused("there is none", "rule-get", "acl=front", "priority=11", error="ENOENT")
    for command in ("rule-get", "rule-del"):
        variants(check, command, ("acl", "priority"), ["acl=front", "priority=10"])
    check.refused("a rule names it", "group-del", "name=web", error="EBUSY")

    words = [tap, "vpc=7", f"mac={MAC}", "flags=0", "acl=front", "max-connections=9"]
    variants(check, "port-new", ("ifname", "vpc", "mac"), words)
    for bad in BAD["port address"]:
        check.refused(f"address {bad}", "port-new", *words, f"address={bad}")
    for bad in BAD["port ifindex"]:
        check.refused(f"ifindex {bad}", "port-new", *words[1:], f"ifindex={bad}")
    check.refused("index and name disagree", "port-new", *words, "ifindex=1")
    for changed in (f"mac={MAC3}", "vpc=9", "flags=1"):
        twice(check, "port-new", ("port-del", tap), [*words, "address=10.9.0.1"], changed)
    twice(check, "port-new", ("port-del", other), words, other)
    check.done("port-new", *words, "address=10.9.0.1", "address=fd00:9::1")
    check.refused("is there already", "port-new", *words, error="EEXIST")
    check.refused("two ports with one MAC", "port-new", other, "vpc=7", f"mac={MAC}")
    check.refused("two ports with one address", "port-new", other, "vpc=7", f"mac={MAC3}",
                  "address=10.9.0.1")
    check.done("port-new", other, "vpc=9", f"mac={MAC}", "address=10.9.0.1")
    check.result("port-new: the same MAC and address in another VPC")
    check.refused("moved to where its MAC is taken", "port-new", "replace", other, "vpc=7",
                  f"mac={MAC}")
    takes_over(check, other)
    counts(check)
    variants(check, "port-del", ("ifname",), [tap])
    variants(check, "port-get", ("ifname",), [tap])
    check.refused("its port is there", "vpc-del", "id=9", error="EBUSY")
    check.refused("ports, entries and remotes", "vpc-del", "id=7", error="EBUSY")
    check.refused("a port has it", "acl-del", "name=front", error="EBUSY")
    check.refused("it is a port's", "entry-del", "vpc=7", f"mac={MAC}", error="EBUSY")
    check.refused("it is a port's address", "entry-del", "vpc=7", "address=10.9.0.1",
                  error="EBUSY")
    check.refused("the MAC is a port's", "entry-new", "vpc=7", f"mac={MAC}", f"remote={REMOTE}",
                  error="EEXIST|EBUSY")

    frame = "frame=" + "ff" * 6 + MAC.replace(":", "") + "0806" + "00" * 28
    variants(check, "trace", ("ifindex", "frame"), [f"ifindex={index(check.tap)}", frame])
    check.refused("from a device that is no port", "trace", "ifindex=1", frame)
    check.refused("from a remote that is none", "trace", "vpc=7", f"remote={REMOTE2}", frame)
    config, = check.vpc.say("config-get")
    variants(check, "begin", (), [f"generation={config['generation']}"])
    check.refused("an unknown command", "31", error="EOPNOTSUPP|ENOTSUP")
    for number in (28, 29, 30):
        check.refused("a notification as a command", str(number), error="EOPNOTSUPP|ENOTSUP")


def counts(check):
    """What is there is counted: with VPC 7, blue, and both of their ports."""
    red, = check.vpc.say("vpc-get", "id=7")
    config, = check.vpc.say("config-get")
    for name, counted, wanted in (
            ("vpc-get", red, {"ports": 1, "entries": 5, "remotes": 1}),
            ("config-get", config, {"vpcs": 2, "ports": 2, "entries": 7, "remotes": 1, "acls": 1,
                                    "rules": 1, "groups": 1})):
        got = {key: counted[key] for key in wanted}
        check.result(f"{name}: how much there is", "" if got == wanted else f"{got}")


def index(name):
    with open(f"/sys/class/net/{name}/ifindex", encoding="ascii") as f:
        return int(f.read())


def takes_over(check, tap):
    """A port that replaces is where its addresses are, whatever was said before."""
    check.done("vpc-new", "id=12")
    check.done("remote-new", "vpc=12", f"address={REMOTE}")
    check.done("entry-new", "vpc=12", f"mac={MAC2}", f"remote={REMOTE}")
    check.done("entry-new", "vpc=12", f"mac={MAC2}", "address=10.9.0.2")
    check.done("port-del", tap)
    port = (tap, "vpc=12", f"mac={MAC2}", "address=10.9.0.2")
    check.refused("where a route leads to", "port-new", *port, error="EEXIST")
    check.done("port-new", "replace", *port)
    where, = check.vpc.say("entry-get", "vpc=12", f"mac={MAC2}")
    right = where.get("port") == index(check.other) and "remote" not in where
    check.result("port-new: takes the place of a route", "" if right else f"{where}")
    check.done("port-del", tap)
    # A port that cannot be made after all leaves the route where it was.
    check.done("entry-new", "vpc=12", f"mac={MAC2}", f"remote={REMOTE}")
    check.done("entry-new", "vpc=12", f"mac={MAC2}", "address=10.9.0.2")
    full = "".join(f"chain c{n} {{ type filter hook ingress device {check.other} priority 0; }}\n"
                   for n in range(MOST_HOOKS))
    subprocess.run(["nft", "-f", "-"], check=True, text=True,
                   input=f"table netdev full {{\n{full}}}\n")
    check.refused("there is no room for its hook", "port-new", "replace", *port, error="E2BIG")
    subprocess.run(["nft", "delete", "table", "netdev", "full"], check=True)
    check.done("port-new", "replace", *port)
    check.done("port-del", tap)
    left = [each for each in check.state["entry"] if each["vpc"] == 12]
    check.result("port-del: its entries go", f"{left}" if left else "")
    check.done("remote-del", "vpc=12", f"address={REMOTE}")
    check.done("vpc-del", "id=12")
    check.done("port-new", tap, "vpc=9", f"mac={MAC}", "address=10.9.0.1")


def transactions(check):
    """All or nothing, and only for its socket."""
    check.refused("without begin", "commit")
    check.refused("without begin", "abort")
    second = vpc.Vpc()
    now = check.state

    def seen(name, why):
        check.result(f"transaction: {name}", why)

    check.vpc.say("begin", "copy=flag:")
    seen("a second one on the socket is refused",
         "" if check.said("begin", ()) else "was not refused")
    check.vpc.say("vpc-new", "id=50", "name=fifty")
    seen("others see nothing of it", "" if second.everything() == now else "they do")
    check.vpc.say("abort")
    seen("abort leaves nothing", check.unchanged())

    check.vpc.say("begin", "copy=flag:")
    check.vpc.say("vpc-new", "id=50", "name=fifty")
    said = check.said("vpc-new", ("id=51", "name=fifty"))
    seen("a refusal within is one", "" if said and said.name == "EEXIST" else f"said {said}")
    check.vpc.say("commit")
    after = check.vpc.everything()
    ids = sorted(each["id"] for each in after["vpc"])
    same = all(after[name] == now[name] for name in now if name not in ("vpc", "config"))
    seen("commit makes it so, and keeps the rest",
         "" if ids == [7, 9, 50] and same else f"VPCs {ids}, the rest {same}")
    check.done("vpc-del", "id=50")

    third = vpc.Vpc()
    third.say("begin", "copy=flag:")
    third.say("vpc-new", "id=50")
    third.sock.close()
    seen("a closed socket ends it", check.unchanged())

    check.vpc.say("begin", "copy=flag:")
    second.say("vpc-new", "id=60")
    check.state = second.everything()
    said = check.said("commit", ())
    seen("what has changed meanwhile is not overwritten",
         "" if said and said.name == "EAGAIN" and said.text else f"said {said}")
    check.said("abort", ())
    seen("... and stays", check.unchanged())
    check.done("vpc-del", "id=60")
    config, = second.say("config-get")
    generation = config["generation"]
    check.refused("begin with an old generation", "begin", f"generation={generation - 1}",
                  error="EAGAIN")


def garbage(check, count):
    """Requests at random: none does harm, and none is refused without a word."""
    seed = os.environ.get("KSFT_SEED", "20250607")
    print(f"KSFT_SEED={seed}", flush=True)
    rng = random.Random(int(seed))
    config, = check.vpc.say("config-get")
    done = refused = 0
    contents = [bytes.fromhex(MAC.replace(":", "")), vpc.address("10.9.0.1"),
                vpc.address("fd00:9::1"), vpc.address(REMOTE), b"red\0", b"web\0", b"front\0",
                check.tap.encode() + b"\0", struct.pack("=I", 7), struct.pack("=I", 9),
                struct.pack("=I", index(check.tap)), b"", b"\1", b"\1\0",
                vpc.value("net", "10.9.0.0/24"), vpc.value("net", "fd00:9::/64")]
    why = ""
    for _ in range(count):
        body = b""
        for _ in range(rng.randrange(7)):
            content = rng.choice(contents) if rng.random() < 0.8 else rng.randbytes(
                rng.randrange(40))
            number = rng.randrange(1, 20) if rng.random() < 0.95 else rng.getrandbits(16)
            made = nl.attr(number, content)
            if rng.random() < 0.03:
                made = struct.pack("=H", rng.getrandbits(16)) + made[2:]
            body += made
        flags = rng.choice((0, 0, genl.NLM_F_REPLACE, genl.NLM_F_DUMP))
        try:
            check.vpc.request(rng.randrange(0, 33), body, flags)
            done += 1
        except nl.NetlinkError as e:
            refused += 1
            if not e.text and e.name not in SILENT:
                why = f"no text: {e}, request {body.hex()}"
    check.said("abort", ())
    # Whoever comes next has to have room.
    check.vpc.say("config-set", f"max-entries={config['max-entries']}")
    print(f"{done} done, {refused} refused")
    if not done or not refused:
        why = "one kind is missing"
    check.result(f"{count} requests of garbage", why)


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    check = Check(*sys.argv[2:])
    requests(check)
    transactions(check)
    vpc_most.entries(check)
    vpc_most.transactions(check)
    # A million objects take hours where the kernel watches itself.
    if not os.path.exists("/sys/kernel/debug/kmemleak"):
        vpc_most.members(check)
        vpc_most.objects(check)
    garbage(check, int(sys.argv[1]))


if __name__ == "__main__":
    main()
