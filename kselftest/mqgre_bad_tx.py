#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The frames of mqgre_bad_tx.sh, and what becomes of them.

usage: mqgre_bad_tx.py ENCAP NAMESPACE-A NAMESPACE-B WHAT

WHAT is short, headless, or DEV or DEV-cut for the frames with virtio-net
headers. Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import fcntl
import os
import struct
import sys
import time

import badpkt
import wire
from encap import Encap
from encap import ip6
from ethtool import Counters
from shapes import IFF_NO_PI
from shapes import IFF_TAP
from shapes import TUNSETIFF
from sniffer import Sniffer
from wire import gre, ip

IFF_TUN, IFF_VNET_HDR = 1, 0x4000
PACKET_VNET_HDR = 15
KEYS = {"m7": 7, "m8": 8, "m9": 9}
TCP, UDP = 6, 17
# Of a virtio-net header (virtio 1.2, 5.1.6).
NEEDS_CSUM, DATA_VALID = 1, 2
NONE, TCPV4, UFO, TCPV6, USO, ECN = 0, 1, 3, 4, 5, 0x80


def opened(name, flags):
    """A tap or tun of the current namespace."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


class Out:
    """Frames into a tunnel, and what comes out at the other end of the wire."""

    def __init__(self, encap, ns_a, ns_b, dev):
        os.sched_setaffinity(0, {0})
        self.encap, self.dev, self.serial = Encap(encap), dev, 0
        self.rng = badpkt.seed()
        wire.enter(ns_a)
        self.far = Sniffer("eth0")
        wire.enter(ns_b)
        self.stats = Counters(dev)
        # See tunnels in badpkt.sh.
        self.summed = dev == "m8" and not (self.encap.udp and
                                           self.stats.driver == "mq_gre")
        self.plain = wire.Linear(dev)
        self.direct = wire.Linear(dev)
        self.direct.sock.setsockopt(wire.SOL_PACKET, PACKET_VNET_HDR, 1)
        self.tap = opened("tap0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
        # Whether the wire gets what is final: no segment, no checksum to come.
        self.final = False

    def frame(self, payload, kind=badpkt.LOCAL):
        self.serial += 1
        return (badpkt.Bench.BEYOND + b"\x02\0" + struct.pack("!I", self.serial) +
                struct.pack("!H", kind) + payload)

    def gre(self, frame):
        return gre(frame, key=KEYS[self.dev], check="good" if self.summed else None)

    def handled(self):
        """Frames that the device has sent or dropped, by its own account."""
        with open("/proc/self/net/dev", encoding="ascii") as f:
            line = next(line for line in f if line.strip().startswith(self.dev))
        numbers = line.split(":")[1].split()
        return int(numbers[9]) + int(numbers[11])

    def drops(self):
        now = self.stats.read()
        return {k: now[k] for k in now if k.startswith("tx_") and "queue" not in k}

    def barrier(self):
        """All GRE packets until the one with a good frame; None without it."""
        probe = self.frame(b"probe" * 10)
        want = self.encap.overhead + 14 + len(self.gre(probe))
        self.plain.send(probe)
        found, end = [], time.monotonic() + 60
        while time.monotonic() < end:
            found += filter(self.encap.ours, self.far.frames())
            if found and found[-1].endswith(probe) and len(found[-1]) == want:
                return found[:-1]
        return None

    def unsound(self, seen):
        """What is wrong with a packet on the wire, or None."""
        if self.final and len(seen) > 14 + 1500:
            return f"{len(seen)} bytes"
        try:
            packet = self.encap.unwrap(seen[14:], self.final)
        except (ValueError, struct.error) as error:
            return str(error)
        if packet and packet[:4] != self.gre(b"")[:4]:
            return "another GRE header"
        if self.final and packet and self.summed and wire.csum(packet):
            return "the GRE checksum is wrong"
        return None

    def report(self, name, why):
        print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}", flush=True)


def exact(o, name, send, sent, dropped):
    """send() sends frames of which those in sent come out, others are dropped."""
    before, handled = o.drops(), o.handled()
    send()
    got = o.barrier()
    after, why = o.drops(), []
    if got is None:
        why.append("a good frame did not pass after it")
    else:
        got = [f[14 + o.encap.overhead:] for f in got]
        if got != [o.gre(f) for f in sent]:
            why.append(f"{len(got)} packets of {len(sent)}: "
                       f"{[f.hex() for f in got if f not in sent][:2]}")
    rise = {k: after[k] - before[k] for k in after if after[k] != before[k]}
    if o.stats.driver == "mq_gre" and rise != {k: n for k, n in dropped.items() if n}:
        why.append(f"drops went up by {rise}, not {dropped}")
    if o.handled() - handled < len(sent) + sum(dropped.values()) + 1:
        why.append("fewer frames are counted than were sent")
    o.report(name, why)


def short(o):
    """Frames of every length, the Ethernet header included."""
    for kind, what in ((badpkt.LOCAL, "rubbish"), (0x0800, "IPv4"), (0x86dd, "IPv6"),
                       (0x8100, "a VLAN")):
        frames = [o.frame(b"\x45\xff" * 32, kind)[:n] for n in range(14, 79)]
        # Too short for the IP header that it is said to have.
        need = {0x0800: 34, 0x86dd: 54}.get(kind, 14)
        good = [f for f in frames if len(f) >= need]

        def send(frames=frames):
            for frame in frames:
                o.plain.send(frame)
        exact(o, f"{what}, cut at every length from Ethernet's header on", send,
              good, {"tx_bad_frame": len(frames) - len(good)})
    refused = 0
    for n in range(14):
        for write in (o.plain.send, lambda f: os.write(o.tap, bytes(10) + f)):
            try:
                write(o.frame(b"")[:n])
            except OSError:
                refused += 1
    # The stack's own answer to what no Ethernet device may see.
    o.report("less than Ethernet's header is refused", [] if refused == 28 else
             [f"{refused} of 28"])


def headless(o):
    """Packets of a device without Ethernet headers, redirected to the tunnel: so
    there are frames of 1 to 64 bytes."""
    fd = opened("tun0", IFF_TUN)
    for kind in (badpkt.LOCAL, 0x0800, 0x86dd):
        packets = [o.frame(b"\x45" * 64, kind)[:n] for n in range(1, 65)]
        need = {0x0800: 20, 0x86dd: 40}.get(kind, 0)
        good = [p for p in packets if len(p) >= max(14, need)]

        def send(packets=packets, kind=kind):
            for packet in packets:
                os.write(fd, struct.pack("!HH", 0, kind) + packet)
        exact(o, f"1 to 64 bytes of protocol {kind:#06x} without Ethernet header",
              send, good, {"tx_bad_frame": len(packets) - len(good)})


def tcp(size):
    return struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x50, 0x10, 99, 0, 0) + b"t" * size


def bodies(o):
    """Frames that segmentation may be asked for, and those it may not: name,
    frame, where the transport header is, and which type of segments fits."""
    six = "fd07::1", "fd07::2"
    for size in (10, 1000, 9000):
        udp = struct.pack("!HHHH", 1, 2, 8 + size, 0) + b"u" * size
        for name, proto, data, kinds in (("TCP", TCP, tcp(size), (TCPV4, TCPV6)),
                                         ("UDP", UDP, udp, (USO, USO))):
            packet = ip("10.7.0.1", "10.7.0.9", data, proto, flags=0)
            yield f"{name}4 {size}", o.frame(packet, 0x0800), 34, kinds[0]
            vlan = b"\0\5\x08\0" + packet
            yield f"VLAN {name}4 {size}", o.frame(vlan, 0x8100), 38, kinds[0]
            packet = ip6(*six, data, proto)
            yield f"{name}6 {size}", o.frame(packet, 0x86dd), 54, kinds[1]
        packet = ip("10.7.0.1", "10.7.0.9", b"x" * size, 47)
        yield f"GRE in IPv4 {size}", o.frame(packet, 0x0800), 34, TCPV4
        yield f"rubbish {size}", o.frame(b"r" * size), 14, NONE
        yield f"rubbish as IPv4 {size}", o.frame(b"\x4f" * size, 0x0800), 74, TCPV4
        yield f"rubbish as IPv6 {size}", o.frame(b"\x60" * size, 0x86dd), 54, TCPV6
    # An IPv6 packet whose transport header is behind extension headers.
    hop = bytes([TCP, 0]) + bytes(6)
    yield "TCP6 behind options", o.frame(ip6(*six, hop + tcp(5000), 0), 0x86dd), 62, TCPV6
    yield "ARP", o.frame(bytes(28), 0x0806), 14, NONE
    for size in (0, 1, 19, 20, 21, 33, 40):
        yield f"IPv4 of {size}", o.frame(ip("10.7.0.1", "10.7.0.9", tcp(9), TCP)[:size],
                                         0x0800), 34, TCPV4


def headers(o, at, kind, size):
    """virtio-net headers for a frame: the right one; each field wrong by itself;
    and any."""
    field = 6 if kind in (USO, UFO) else 16
    right = [NEEDS_CSUM if kind else 0, kind, at, 1000 if kind else 0, at, field]
    yield right
    numbers = (0, 1, 2, 8, 13, 14, 15, 20, 33, 34, 35, 54, 60, 535, 536, 1000, 1448,
               0x7fff, 0x8000, 0xfffe, 0xffff, size - 1, size, size + 1)
    kinds = (NONE, TCPV4, 2, UFO, TCPV6, USO, 6, 7, 0x20, 0x40, 0x60, 0x7f, ECN,
             ECN | TCPV4, ECN | TCPV6, ECN | USO, 0xff)
    for place, values in ((0, range(8)), (1, kinds), (2, numbers), (3, numbers),
                          (4, numbers), (5, numbers)):
        for value in values:
            yield [*right[:place], value & 0xffff, *right[place + 1:]]
    pick = o.rng.choice
    for _ in range(60):
        yield [pick((0, 1, 1, 1, 2, 3, 4)), pick(kinds), pick(numbers) & 0xffff,
               pick(numbers) & 0xffff, pick(numbers) & 0xffff, pick(numbers) & 0xffff]


def lies(o):
    ways = (("direct", o.direct.send), ("bridged", lambda f: os.write(o.tap, f)))
    for way, write in ways:
        taken = refused = 0
        before, began, why, seen = o.handled(), o.drops(), [], []
        for name, frame, at, kind in bodies(o):
            for header in headers(o, at, kind, len(frame)):
                # A sum over words that straddle others makes the one around it
                # wrong; the peer drops that. No honest guest asks for it.
                if o.final and (header[4] | header[5]) & 1:
                    continue
                try:
                    write(struct.pack("=BBHHHH", *header) + frame)
                    taken += 1
                except OSError:
                    refused += 1
            got = o.barrier()
            if got is None:
                why.append(f"a good frame did not pass after {name}")
                break
            seen.append(len(got))
            bad = {text for text in map(o.unsound, got) if text}
            why += [f"{name}: {text}" for text in bad]
        handled = o.handled() - before - len(seen)
        after = o.drops()
        rise = {k: after[k] - began[k] for k in after if after[k] != began[k]}
        print(f"{way}: {taken} frames taken, {refused} refused; "
              f"{sum(seen)} packets on the wire; drops {rise}")
        if way == "direct" and handled < taken:
            why.append(f"{taken - handled} frames are not accounted for")
        if min(taken, refused, sum(seen)) < 100:
            why.append("too few of one kind")
        o.report(f"{way}, headers that lie", why)


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    encap, ns_a, ns_b, what = sys.argv[1:]
    o = Out(encap, ns_a, ns_b, what[:2] if what[0] == "m" else "m7")
    o.final = what.endswith("-cut")
    {"short": short, "headless": headless}.get(what, lies)(o)


if __name__ == "__main__":
    main()
