#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Speaks with the family "tun_mq", also such as vpcctl would not.

usage: tunmq.py get|dump|set|unset|rebalance|COMMAND-NUMBER [KEY=TYPE:VALUE]...
       tunmq.py -

KEY is the name of an attribute or a number, TYPE as in nl.py. Prints each
answer as a line of JSON, and "ok"; or the error's name, what the kernel said,
and in brackets the attribute that it is about, and then exits with 1.

With - it takes such words as lines of standard input, and ends each answer with
"exit 0" or "exit 1".
"""

import json
import struct
import sys

import genl
import nl

COMMANDS = {"get": 1, "dump": 1, "set": 2, "unset": 3, "rebalance": 4}
TAP = ("unspec ifindex ifname uplink uplink_name lanes base pinned weight mode "
       "override auto to_vm reason num_queues queue tx_unrecorded tx_no_lanes "
       "rx_unrecorded rx_program rx_no_lanes").split()
QUEUE = "unspec index lane tx_packets rx_packets".split()
REBALANCE = "unspec uplink moved".split()
STRINGS = ("ifname", "uplink_name", "reason")
FLAGS = ("pinned", "override", "auto")


def decode(data, names):
    """A message as a dictionary."""
    found = {}
    for kind, content in genl.attributes(data):
        name = names[kind]
        if name == "queue":
            found.setdefault("queues", []).append(decode(content, QUEUE))
        elif name in STRINGS:
            found[name] = content.rstrip(b"\0").decode()
        elif name in FLAGS:
            found[name] = True
        else:
            found[name] = int.from_bytes(content, sys.byteorder)
    return found


class TunMq(genl.Family):
    """A socket that speaks with the module."""

    def __init__(self):
        super().__init__("tun_mq")

    def get(self, name):
        """All about a tap."""
        answer, = self.request(COMMANDS["get"], self.named(name))
        return decode(answer, TAP)

    def dump(self):
        """All taps."""
        return [decode(answer, TAP)
                for answer in self.request(COMMANDS["get"], flags=genl.NLM_F_DUMP)]

    def set(self, name, **numbers):
        """Gives a tap lanes."""
        body = self.named(name)
        for key, number in numbers.items():
            body += nl.attr(TAP.index(key), struct.pack("=I", number))
        self.request(COMMANDS["set"], body)

    def unset(self, name):
        """Lets a tap go."""
        self.request(COMMANDS["unset"], self.named(name))

    def rebalance(self):
        """Chooses bases anew; how many taps have moved."""
        answer, = self.request(COMMANDS["rebalance"])
        return decode(answer, REBALANCE)["moved"]

    @staticmethod
    def named(name):
        return nl.attr(TAP.index("ifname"), name.encode() + b"\0")


def carry_out(command, words):
    """Does one request, and prints what came of it; says if it was refused."""
    names = REBALANCE if command == "rebalance" else TAP
    body = b""
    for word in words:
        key, _, value = word.partition("=")
        number = int(key) if key.isdigit() else names.index(key)
        body += nl.attr(number, nl.value(value))
    number = COMMANDS.get(command) or int(command)
    try:
        answers = TunMq().request(number, body, genl.NLM_F_DUMP if command == "dump" else 0)
    except nl.NetlinkError as e:
        where = ""
        if e.attribute is not None:
            where = names[e.attribute] if e.attribute < len(names) else e.attribute
            where = f" [{where}]"
        print(f"{e}{where}")
        return True
    for answer in answers:
        print(json.dumps(decode(answer, names)))
    print("ok")
    return False


def main():
    command, *words = sys.argv[1:] or [""]
    if command == "-":
        for line in sys.stdin:
            command, *words = line.split()
            refused = carry_out(command, words)
            print(f"exit {refused:d}", flush=True)
    elif command in COMMANDS or command.isdigit():
        sys.exit(carry_out(command, words))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
