#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judges GRE packets, or the frames that a device hands up.

usage: capture.py DEV FILE

Listens on DEV of the current namespace to what it receives, until a signal
ends it; writes to FILE "ready", then what it saw, as a line of JSON:

packets, gre      how many frames, and how many carry GRE in IPv4
longest           bytes of the longest frame, without its Ethernet header
unready           frames whose checksum the sender left to hardware
bad_ip, bad_gre, bad_inner   wrong checksums: outer IP; GRE; IP, TCP or UDP
                  inside (or of the frame itself, if it is no GRE)
keys              the keys seen, -1 for none
fragments         outer IP fragments
"""

import json
import os
import select
import signal
import socket
import struct
import sys

import wire

SOL_PACKET, PACKET_AUXDATA = 263, 8
CSUM_NOT_READY, CSUM_VALID = 8, 128


def l4_bad(pseudo, proto, body):
    """Is the checksum of a TCP or UDP packet wrong?"""
    if proto not in (6, 17) or (proto == 17 and body[6:8] == b"\0\0"):
        return False
    return wire.csum(pseudo + body) != 0


def inner_bad(frame):
    """Is a checksum inside this Ethernet frame wrong?"""
    kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    while kind in (0x8100, 0x88a8):
        kind, at = struct.unpack_from("!H", frame, at + 2)[0], at + 4
    if kind == 0x0800:
        ihl, total = (frame[at] & 15) * 4, struct.unpack_from("!H", frame, at + 2)[0]
        if wire.csum(frame[at:at + ihl]):
            return True
        if struct.unpack_from("!H", frame, at + 6)[0] & 0x3fff:
            return False
        body = frame[at + ihl:at + total]
        pseudo = frame[at + 12:at + 20] + struct.pack("!HH", frame[at + 9], len(body))
        return l4_bad(pseudo, frame[at + 9], body)
    if kind == 0x86dd:
        size = struct.unpack_from("!H", frame, at + 4)[0]
        body = frame[at + 40:at + 40 + size]
        pseudo = frame[at + 8:at + 40] + struct.pack("!IHH", size, 0, frame[at + 6])
        return l4_bad(pseudo, frame[at + 6], body)
    return False


class Judge:
    """What was seen so far."""

    def __init__(self):
        self.seen = dict.fromkeys(
            "packets gre longest unready bad_ip bad_gre bad_inner fragments".split(), 0)
        self.keys = set()

    def frame(self, data, unready):
        s = self.seen
        s["packets"] += 1
        s["unready"] += unready
        s["longest"] = max(s["longest"], len(data) - 14)
        if data[12:14] != b"\x08\0" or data[23] != 47:
            if not unready:
                s["bad_inner"] += inner_bad(data)
            return
        s["gre"] += 1
        s["bad_ip"] += wire.csum(data[14:34]) != 0
        if struct.unpack_from("!H", data, 20)[0] & 0x3fff:
            s["fragments"] += 1
            return
        total = struct.unpack_from("!H", data, 16)[0]
        gre = data[34:14 + total]
        flags = struct.unpack_from("!H", gre)[0]
        at = 4
        if flags & 0x8000:
            s["bad_gre"] += wire.csum(gre) != 0
            at += 4
        self.keys.add(struct.unpack_from("!I", gre, at)[0] if flags & 0x2000 else -1)
        at += 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
        if not unready:
            s["bad_inner"] += inner_bad(gre[at:])


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    sock = wire.sniffer(sys.argv[1])
    sock.setblocking(True)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    # A signal ends it, after all that has come by then.
    wake, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGTERM, lambda *_: None)
    judge = Judge()
    with open(sys.argv[2], "w", encoding="ascii") as out:
        print("ready", file=out, flush=True)
        while True:
            ready = select.select([sock, wake], [], [])[0]
            if sock not in ready:
                break
            data, anc, _, where = sock.recvmsg(1 << 17, 64)
            if where[2] == wire.PACKET_OUTGOING:
                continue
            status = struct.unpack_from("=I", anc[0][2])[0] if anc else 0
            judge.frame(data, bool(status & CSUM_NOT_READY))
        print(json.dumps(judge.seen | {"keys": sorted(judge.keys)}), file=out)


if __name__ == "__main__":
    main()
