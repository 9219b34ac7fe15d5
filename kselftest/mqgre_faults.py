#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Lets one allocation after the other fail in what makes and uses mqgre devices.

usage: mqgre_faults.py create|metadata|change|send

Each time the call must fail and leave no device of that name, or succeed (see
faults.py). Prints how many calls met a failure.
"""

import socket
import struct
import sys

import nl
from faults import MOST
from faults import sweep

NAME = "flt0"


def exists(name):
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def gre(**options):
    return b"".join(nl.attr(nl.GRE.index(key), nl.value(text))
                    for key, text in options.items())


def create(data):
    rtnl = nl.Rtnl()

    def after(nth, error):
        index = exists(NAME)
        if error and index:
            raise SystemExit(f"allocation {nth}: {error}, yet there is {NAME}")
        if index:
            rtnl.del_link(index)

    return sweep(lambda: rtnl.new_link(NAME, "mqgre", data), after)


KEY7 = dict(remote="ip:192.0.2.2", local="ip:192.0.2.1", iflags="be16:0x2000",
            oflags="be16:0x2000", ikey="be32:7", okey="be32:7")


def change():
    rtnl = nl.Rtnl()
    rtnl.new_link(NAME, "mqgre", gre(**KEY7))
    index = exists(NAME)
    keys = iter(range(1000, 1000 + MOST))

    def call():
        key = f"be32:{next(keys)}"
        rtnl.new_link(NAME, "mqgre", gre(**{**KEY7, "ikey": key}), create=False)

    def after(nth, _error):
        if exists(NAME) != index:
            raise SystemExit(f"allocation {nth}: {NAME} is gone")

    met = sweep(call, after)
    rtnl.del_link(index)
    return met


def send():
    """Sends frames of a size that needs more than one page, cloned and not."""
    rtnl = nl.Rtnl()
    rtnl.new_link(NAME, "mqgre", gre(**KEY7))
    index = exists(NAME)
    rtnl.set_up(index, True)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((NAME, 0))
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.bind((NAME, 3))
    frame = b"\xff" * 6 + b"\x02\0\0\0\0\1" + struct.pack("!H", 0x88b5)
    met = 0
    for size in (60, 1400):
        data = frame + bytes(size - len(frame))
        met += sweep(lambda data=data: sock.send(data), lambda *_: None)
    rtnl.del_link(index)
    return met


def main():
    what = {
        "create": lambda: create(gre(**KEY7)),
        "metadata": lambda: create(gre(collect_metadata="flag:")),
        "change": change,
        "send": send,
    }
    if len(sys.argv) != 2 or sys.argv[1] not in what:
        raise SystemExit(__doc__)
    met = what[sys.argv[1]]()
    print(f"{met} calls met a failing allocation")
    if met == 0:
        raise SystemExit("no allocation failed: is failslab set up?")


if __name__ == "__main__":
    main()
