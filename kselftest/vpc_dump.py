#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Dumps of the family "vpc_hook" that are longer than a message, while something
changes: whoever reads has to be told (NLM_F_DUMP_INTR), and only then.

usage: vpc_dump.py

In a namespace where nothing is configured.
"""

import struct

import genl
import nl
import vpc
from vpc_taps import result

NETLINK_GENERIC = 16
NLM_F_DUMP_INTR = 0x10
VPC, COUNT, REMOTE = 7, 1500, "10.1.0.9"
# What the kernel puts into one message. It makes the next one before that is read: what is to be
# interrupted has to take three.
ROOM = 1 << 15
# By what each object is named.
NAMES = {"vpc": ("id",), "remote": ("vpc", "address"), "entry": ("vpc", "mac"),
         "acl": ("name",), "rule": ("acl", "priority"), "group": ("name",)}


class Reader(nl.Netlink):
    """Reads a dump of all objects of a kind in parts. Each has a socket of its own: a new one is
    given little at first."""

    def __init__(self, family, kind):
        super().__init__(NETLINK_GENERIC)
        self.fields = vpc.SETS[kind]
        self.seq = 1
        body = struct.pack("=BBH", vpc.COMMANDS.index(f"{kind}-get"), 1, 0)
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family,
                                   nl.NLM_F_REQUEST | genl.NLM_F_DUMP, self.seq, 0) + body)

    def part(self):
        """What comes next: the objects, whether the reader is told, and whether it was the last."""
        data, at, found, told = self.sock.recv(ROOM), 0, [], False
        while at + 16 <= len(data):
            size, kind, flags, seq, _ = struct.unpack_from("=IHHII", data, at)
            assert seq == self.seq, f"an answer to {seq}, not to {self.seq}"
            told |= bool(flags & NLM_F_DUMP_INTR)
            if kind == nl.NLMSG_DONE:
                return found, told, True
            if kind == nl.NLMSG_ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "no dump")
            found.append(vpc.decode(data[at + 20:at + size], self.fields))
            at += size + 3 & ~3
        return found, told, False

    def rest(self):
        """All that is left: the objects, and whether the reader was told."""
        found, told, last = [], False, False
        while not last:
            more, now, last = self.part()
            found += more
            told |= now
        return found, told


def many(client):
    """So many objects of each kind that no message holds them."""
    client.say("begin", "copy=flag:")
    client.say("vpc-new", f"id={VPC}")
    client.say("remote-new", f"vpc={VPC}", f"address={REMOTE}")
    client.say("acl-new", "name=a0")
    for n in range(COUNT):
        tail = f"{n >> 8:02x}:{n & 255:02x}"
        client.say("vpc-new", f"id={1000 + n}", f"name=many{n}")
        client.say("remote-new", f"vpc={VPC}", f"address=10.2.{n >> 8}.{n & 255}")
        client.say("entry-new", f"vpc={VPC}", f"mac=02:00:00:00:{tail}", f"remote={REMOTE}")
        client.say("acl-new", f"name=many{n}")
        client.say("rule-new", "acl=a0", f"priority={n}", "direction=0", "action=1")
        client.say("group-new", f"name=many{n}", "member=10.9.0.0/24")
    client.say("commit")


def whole(kind, objects):
    """What is wrong if each of the many should be there, once."""
    keys = [tuple(each[name] for name in NAMES[kind]) for each in objects]
    if len(set(keys)) != len(keys):
        return [f"{len(keys) - len(set(keys))} came twice"]
    return [] if len(keys) >= COUNT else [f"{len(keys)} only"]


def main():
    client = vpc.Vpc()
    many(client)
    for kind in NAMES:
        reader = Reader(client.family, kind)
        objects, told = reader.rest()
        why = whole(kind, objects)
        result(f"{kind}: undisturbed", why + (["told of a change"] if told else []))

        reader = Reader(client.family, kind)
        _, told, last = reader.part()
        why = ["one message held all"] if last else []
        # Whatever has changed counts: it may be where the dump has been.
        client.say("vpc-new", "id=50")
        _, later = reader.rest()
        if told or not later:
            why.append(f"told before: {told}, afterwards: {later}")
        result(f"{kind}: a change meanwhile", why)
        client.say("vpc-del", "id=50")

        reader = Reader(client.family, kind)
        first, _, _ = reader.part()
        # What is refused or given up has changed nothing.
        client.say("begin", "copy=flag:")
        client.say("vpc-new", "id=50")
        try:
            client.say("vpc-new", "id=50")
        except nl.NetlinkError:
            pass
        client.say("abort")
        more, told = reader.rest()
        why = ["told of a change"] if told else []
        result(f"{kind}: a transaction that is given up", why + whole(kind, first + more))

        reader = Reader(client.family, kind)
        reader.part()
        client.say("begin", "copy=flag:")
        client.say("commit")
        _, told = reader.rest()
        result(f"{kind}: a commit meanwhile", [] if told else ["not told"])
    # A reader that does not come back keeps nothing from going.
    reader = Reader(client.family, "entry")
    reader.part()
    reader.sock.close()
    client.say("begin")
    client.say("commit")
    left = {kind: len(client.say(f"{kind}-get", "dump")) for kind in ("vpc", "entry", "rule")}
    result("a reader that goes", [f"left: {left}"] if any(left.values()) else [])


if __name__ == "__main__":
    main()
