#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Speaks with the family "vpc_hook", also such as vpcctl would not.

usage: vpc.py COMMAND [dump|replace|ATTRIBUTE=VALUE]...
       vpc.py -

COMMAND is one of the specification, such as port-get, or a number. "dump" asks
for all, "replace" sets NLM_F_REPLACE. ATTRIBUTE is a name or a number. VALUE is
TYPE:TEXT as in nl.py, or mac:, net: (an address or ADDRESS/LENGTH, nested), or
addr: (an address alone); for attributes whose type is known, TYPE: may be left
out. Prints each answer as a line of JSON, and "ok"; or the error's name, what
the kernel said, and in brackets the attribute that it is about, and then exits
with 1.

With - it takes such words as lines of standard input, over one socket, and ends
each answer with "exit 0" or "exit 1".
"""

import ipaddress
import json
import sys

import genl
import nl

COMMANDS = ("unspec config-get config-set begin commit abort vpc-get vpc-new vpc-del "
            "port-get port-new port-del remote-get remote-new remote-del "
            "entry-get entry-new entry-del acl-get acl-new acl-del "
            "rule-get rule-new rule-del group-get group-new group-del trace").split()
# Attributes by number, with their types.
SETS = {
    "config": "tunnel:u32 tunnel-name:str generation:u32 vpcs:u32 ports:u32 entries:u32 "
              "remotes:u32 acls:u32 rules:u32 groups:u32 max-entries:u32 drop:counter",
    "begin": "copy:flag generation:u32",
    "counter": "name:str packets:uint",
    "vpc": "id:u32 name:str gateway:mac ports:u32 entries:u32 remotes:u32",
    "address": "address:addr prefix:u8",
    "port": "ifindex:u32 ifname:str vpc:u32 mac:mac address:net flags:u32 acl:str* "
            "rx-packets:uint tx-packets:uint answered:uint drop:counter "
            "max-connections:u32 connections:u32",
    "remote": "vpc:u32 address:addr flood:flag rx-packets:uint tx-packets:uint",
    "entry": "vpc:u32 mac:mac address:addr remote:addr port:u32 forward:u32",
    "acl": "name:str rules:u32 ports:u32",
    "rule": "acl:str priority:u32 direction:u32 action:u32 ethertype:u16 protocol:u8 src:net "
            "dst:net src-group:str dst-group:str sport-min:u16 sport-max:u16 dport-min:u16 "
            "dport-max:u16 icmp-type:u8 icmp-code:u8 stateful:flag log:flag packets:uint",
    "group": "name:str member:net append:flag members:u32",
    "trace": "ifindex:u32 vpc:u32 remote:addr frame:hex step:step",
    "step": "name:str text:str",
    "miss": "vpc:u32 ifindex:u32 mac:mac address:addr missed:uint",
    "log": "ifindex:u32 acl:str priority:u32 direction:u32 action:u32 header:hex missed:uint",
}
SETS = {name: [field.partition(":")[::2] for field in f"unspec:hex {fields}".split()]
        for name, fields in SETS.items()}
NLA_F_NESTED = 0x8000
# Lists, of which there may be more than one.
MANY = ("net", "counter", "step", "str*")


def fields_of(command):
    """The attributes of a command."""
    name = command.partition("-")[0]
    return SETS.get("begin" if name in ("commit", "abort") else name, SETS["config"])


def address(text):
    return ipaddress.ip_address(text).packed


def value(kind, text):
    """The content of an attribute."""
    if kind == "mac":
        return bytes.fromhex(text.replace(":", ""))
    if kind == "addr":
        return address(text)
    if kind == "net":
        ip, slash, length = text.partition("/")
        return nl.attr(1, address(ip)) + (nl.attr(2, bytes([int(length)])) if slash else b"")
    return nl.value(f"{kind.rstrip('*')}:{text}")


def attribute(fields, word):
    """The attribute that a word of the command line says."""
    name, _, text = word.partition("=")
    names = [field for field, _ in fields]
    number = int(name) if name.isdigit() else names.index(name)
    kind, colon, rest = text.partition(":")
    known = ("u8", "u16", "u32", "be16", "be32", "ip", "ip6", "flag", "str", "hex",
             "mac", "addr", "net")
    if not colon or kind not in known:
        kind, rest = fields[number][1], text
    nested = NLA_F_NESTED if kind == "net" else 0
    return nl.attr(number | nested, value(kind, rest))


def encode(command, words):
    """The attributes of a request."""
    return b"".join(attribute(fields_of(command), word) for word in words)


def decode(data, fields):
    """A message as a dictionary."""
    found = {}
    for number, content in genl.attributes(data):
        name, kind = fields[number] if number < len(fields) else (str(number), "hex")
        if kind in SETS:
            inner = decode(content, SETS[kind])
            if kind == "counter":
                found.setdefault(name, {})[inner["name"]] = inner["packets"]
                continue
        elif kind == "net":
            inner = dict(genl.attributes(content))
            ip = ipaddress.ip_address(inner[1])
            inner = f"{ip}/{inner[2][0]}" if 2 in inner else str(ip)
        elif kind == "mac":
            inner = content.hex(":")
        elif kind == "addr":
            inner = str(ipaddress.ip_address(content))
        elif kind.startswith("str"):
            inner = content.rstrip(b"\0").decode()
        elif kind == "flag":
            inner = True
        elif kind == "hex":
            inner = content.hex()
        else:
            inner = int.from_bytes(content, sys.byteorder)
        if kind in MANY:
            found.setdefault(name, []).append(inner)
        else:
            found[name] = inner
    return found


class Vpc(genl.Family):
    """A socket that speaks with the module."""

    def __init__(self):
        super().__init__("vpc_hook")

    def say(self, command, *words):
        """Does a request; returns the answers, decoded."""
        fields, flags, body = fields_of(command), 0, b""
        for word in words:
            if word == "dump":
                flags |= genl.NLM_F_DUMP
            elif word == "replace":
                flags |= genl.NLM_F_REPLACE
            else:
                body += attribute(fields, word)
        number = int(command) if command.isdigit() else COMMANDS.index(command)
        return [decode(answer, fields) for answer in self.request(number, body, flags)]

    def everything(self):
        """All that is configured: what it is, but for what is counted."""
        found = {}
        for name in ("vpc", "port", "remote", "entry", "acl", "rule", "group"):
            objects = self.say(f"{name}-get", "dump")
            for each in objects:
                for counted in ("rx-packets", "tx-packets", "answered", "drop", "packets",
                                "connections"):
                    each.pop(counted, None)
                # Time that runs.
                if "forward" in each:
                    each["forward"] = True
            found[name] = sorted(objects, key=lambda each: json.dumps(each, sort_keys=True))
        try:
            config, = self.say("config-get")
        except nl.NetlinkError as e:
            if e.name != "ENOENT":
                raise
            # Nothing has been configured yet.
            config = {}
        for counted in ("drop", "generation"):
            config.pop(counted, None)
        found["config"] = config
        return found


def carry_out(vpc, command, words):
    """Does one request, and prints what came of it; says if it was refused."""
    try:
        answers = [vpc.everything()] if command == "everything" else vpc.say(command, *words)
    except nl.NetlinkError as e:
        where = ""
        if e.attribute is not None:
            fields = fields_of(command)
            known = e.attribute < len(fields)
            where = f" [{fields[e.attribute][0] if known else e.attribute}]"
        print(f"{e}{where}")
        return True
    for answer in answers:
        print(json.dumps(answer, sort_keys=True))
    print("ok")
    return False


def main():
    command, *words = sys.argv[1:] or [""]
    if command == "-":
        vpc = Vpc()
        for line in sys.stdin:
            command, *words = line.split()
            refused = carry_out(vpc, command, words)
            print(f"exit {refused:d}", flush=True)
    elif command == "everything" or command in COMMANDS or command.isdigit():
        sys.exit(carry_out(Vpc(), command, words))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
