# SPDX-License-Identifier: GPL-2.0
"""How much of everything there may be: a part of vpc_netlink.py, which has made VPC 7
with a remote, an ACL, and a port of the first tap."""

import struct

import genl
import nl
import vpc
from frames import IPV4
from frames import ether
from frames import ip4
from frames import udp

MAC, REMOTE = "02:00:00:00:00:01", "10.1.0.2"


def entries(check):
    """As many entries as it may have."""
    config, = check.vpc.say("config-get")
    old, room = config["max-entries"], config["entries"] + 5
    check.done("config-set", f"max-entries={room}")
    said, made = None, 0
    while said is None and made < 100:
        said = check.said("entry-new", ("vpc=7", f"mac=02:00:00:01:00:{made:02x}",
                                        f"remote={REMOTE}"))
        made += said is None
    check.state = check.vpc.everything()
    right = said and said.name == "ENOSPC" and said.text and made == 5
    check.result("limit: max-entries", "" if right else f"{made} made, then {said}")
    check.refused("a port beyond the limit", "port-new", "replace", f"ifname={check.tap}",
                  "vpc=7", f"mac={MAC}", "address=10.9.0.1", "address=10.9.0.30",
                  "address=10.9.0.31", error="ENOSPC")
    check.refused("65 addresses", "port-new", "replace", f"ifname={check.tap}", "vpc=7",
                  f"mac={MAC}", *(f"address=10.9.1.{n}" for n in range(65)), error="E2BIG")
    check.refused("9 ACLs", "port-new", "replace", f"ifname={check.tap}", "vpc=7", f"mac={MAC}",
                  *["acl=front"] * 9, error="E2BIG")
    for n in range(made):
        check.done("entry-del", "vpc=7", f"mac=02:00:00:01:00:{n:02x}")
    check.done("config-set", f"max-entries={old}")


def members(check):
    """As many of a group as there may be, in as many messages as that takes."""
    most, each = 1 << 16, 1 << 11
    number, name = vpc.COMMANDS.index("group-new"), vpc.attribute(vpc.SETS["group"], "name=big")
    append = vpc.attribute(vpc.SETS["group"], "append=flag:")
    check.done("group-new", "name=big")

    def add(first, count):
        some = b"".join(nl.attr(2 | vpc.NLA_F_NESTED, nl.attr(1, struct.pack("!I", n)))
                        for n in range(first, first + count))
        check.vpc.request(number, name + append + some, genl.NLM_F_REPLACE)

    for first in range(0, most, each):
        add(0x0b000000 + first, each)
    try:
        add(0x0c000000, 1)
        why = "one more was not refused"
    except nl.NetlinkError as e:
        why = "" if e.name == "E2BIG" and e.text else f"said {e}"
    group = check.vpc.say("group-get", "name=big")
    if not why and group[0]["members"] != most:
        why = f"{group[0]['members']} members"
    check.result("limit: members of a group", why)
    refused_for_some(check)
    check.done("group-del", "name=big")


def refused_for_some(check):
    """A group that one ACL has no room for is as it was in all of them."""
    check.vpc.say("group-new", "name=few", "member=10.9.2.1")
    for acl, *more in (("a-first",), ("z-last", "src-group=big")):
        check.vpc.say("acl-new", f"name={acl}")
        check.vpc.say("rule-new", f"acl={acl}", "priority=1", "direction=0", "action=1",
                      "dst-group=few", *more)
    check.vpc.say("port-new", "replace", f"ifname={check.tap}", "vpc=7", f"mac={MAC}",
                  "address=10.9.0.1", "acl=a-first")
    check.state = check.vpc.everything()
    check.refused("members that one of two ACLs has no room for", "group-new", "name=few",
                  "append=flag:", "member=10.9.2.2", "member=10.9.2.3", error="E2BIG")
    port, = check.vpc.say("port-get", f"ifname={check.tap}")
    why = []
    for last, verdict in ((1, "unknown_mac"), (2, "acl_egress")):
        frame = ether(b"\2\0\0\0\0\7", bytes.fromhex(MAC.replace(":", "")), IPV4,
                      ip4("10.9.0.1", f"10.9.2.{last}", udp("10.9.0.1", f"10.9.2.{last}")))
        said, = check.vpc.say("trace", f"ifindex={port['ifindex']}", f"frame={frame.hex()}")
        if verdict not in str(said["step"]):
            why.append(f"to 10.9.2.{last}: {said['step']}")
    check.result("limit: ... no ACL knows them", "; ".join(why))
    check.vpc.say("port-new", "replace", f"ifname={check.tap}", "vpc=7", f"mac={MAC}",
                  "address=10.9.0.1")
    for command, name in (("acl-del", "a-first"), ("acl-del", "z-last"), ("group-del", "few")):
        check.vpc.say(command, f"name={name}")
    check.state = check.vpc.everything()


def transactions(check):
    """As many transactions as there may be at once."""
    clients, said = [], None
    while said is None and len(clients) < 100:
        clients.append(vpc.Vpc())
        try:
            clients[-1].say("begin", "copy=flag:")
        except nl.NetlinkError as e:
            said = e
    right = said and said.name == "EBUSY" and said.text and len(clients) == 17
    check.result("limit: transactions", "" if right else f"{len(clients) - 1} begun, then {said}")
    for client in clients:
        client.sock.close()
    check.vpc.say("begin")
    check.vpc.say("abort")
    check.result("limit: transactions, when others have gone", check.unchanged())


def objects(check):
    """As many objects as there may be, in a transaction that nobody needs."""
    check.vpc.say("begin", "copy=flag:")
    there = {name: len(check.state[name]) for name in ("acl", "group", "remote")}

    def fill(command, number, words):
        """Makes so many, and then one more."""
        bodies = (vpc.encode(command, words(n)) for n in range(number))
        check.vpc.pour(vpc.COMMANDS.index(command), bodies)
        said = check.said(command, words(number))
        right = said and said.name == "ENOSPC" and " at most" in said.text
        # The last one that there may be is there: it would be refused for the same reason else.
        last = check.said(command, words(number - 1)) if number else None
        check.result(f"limit: {command}", "" if right and last and last.name == "EEXIST" else
                     f"said {said}, of the last one {last}")

    fill("acl-new", (1 << 14) - there["acl"], lambda n: (f"name=n{n:05}",))
    fill("remote-new", (1 << 16) - there["remote"],
         lambda n: ("vpc=7", f"address=10.2.{n >> 8}.{n & 255}"))
    members = [f"member=10.9.{n >> 8}.{n & 255}" for n in range(4096)]
    check.vpc.say("group-new", "name=large")
    for n in range(16):
        check.vpc.say("group-new", f"name=large{n:02}")
        body = vpc.encode("group-new", [f"name=large{n:02}", "append=flag:", *members])
        check.vpc.pour(vpc.COMMANDS.index("group-new"), [body] * (1 << 4))
    said = check.said("group-new", ("name=large", "append=flag:", *members))
    right = said and said.name == "ENOSPC" and " at most" in said.text
    check.result("limit: members of all groups", "" if right else f"said {said}")
    fill("group-new", (1 << 14) - there["group"] - 17, lambda n: (f"name=n{n:05}",))
    check.vpc.say("abort")
    changed = check.unchanged()
    check.result("limit: nothing has changed", changed)
