# SPDX-License-Identifier: GPL-2.0
"""A bench for bad packets: sends them from one end, sees what the other end's
tunnels deliver and count, and compares that with what is expected."""

import os
import random
import struct
import time

import wire
from encap import Encap
from ethtool import Counters
from shapes import SHAPES
from sniffer import Sniffer

DROPS = ("rx_short rx_bad_header rx_bad_csum rx_bad_proto rx_bad_inner "
         "rx_bad_ecn rx_policy rx_no_memory").split()
# Counters of the stack for packets that it does not hand to a protocol.
STACK = "InHdrErrors InAddrErrors InTruncatedPkts InUnknownProtos".split()
# Others, looked at where a test wants them.
JOINING = ("ReasmReqds", "ReasmOKs", "ReasmFails", "ReasmOverlaps")
# IEEE 802's local experimental EtherType: no protocol of the host takes it.
LOCAL = 0x88b5
SOME, ANY = object(), object()


def stack_counters(names=STACK):
    """Counters of IPv4 and of IPv6, in the current namespace."""
    found = {}
    for name in ("snmp", "netstat"):
        with open(f"/proc/self/net/{name}", encoding="ascii") as f:
            rows = [line.split() for line in f]
        for keys, values in zip(rows[::2], rows[1::2]):
            if keys[0] in ("Ip:", "IpExt:"):
                found.update(zip(keys[1:], map(int, values[1:])))
    found = {f"ip4 {k}": found[k] for k in names if k in found}
    try:
        with open("/proc/self/net/snmp6", encoding="ascii") as f:
            six = dict(line.split() for line in f)
    except FileNotFoundError:
        return found
    return found | {f"ip6 {k}": int(six[f"Ip6{k}"]) for k in names
                    if f"Ip6{k}" in six}


class Bench:
    """The two ends, and the cases tried on them."""

    # Frames go to a station beyond: the host's own stack leaves them alone.
    BEYOND = b"\x02\0\xbe\x0d\0\1"

    def __init__(self, encap, shape, ns_a, ns_b):
        # One CPU: what was sent first arrives first.
        os.sched_setaffinity(0, {0})
        self.encap, self.serial = Encap(encap), 0
        wire.enter(ns_a)
        src = wire.mac(wire.address("eth0"))
        make = SHAPES[shape]
        if not make.THERE:
            self.sender = make("eth0")
        wire.enter(ns_b)
        if make.THERE:
            self.sender = make("eth0")
        self.head = wire.mac(wire.address("eth0")) + src + self.encap.ethertype
        self.taps = {d: Sniffer(d) for d in ("m7", "m8")}
        self.stats = {d: Counters(d) for d in ("m7", "m8")}
        # Stock devices count otherwise, or not at all.
        self.counting = self.stats["m7"].driver == "mq_gre"
        # The keys, and whether a GRE checksum is due; see tunnels in badpkt.sh.
        self.summed = not (self.counting and self.encap.udp)
        self.tunnels = {7: ("m7", False), 8: ("m8", self.summed)}

    def inner(self, size=100, kind=LOCAL, payload=None):
        """A frame of size bytes, unlike any before."""
        self.serial += 1
        mark = struct.pack("!I", self.serial)
        if payload is None:
            # No zero bytes: cutting some off must change a checksum.
            fill = struct.pack("!I", self.serial | 0x80808080)
            payload = (fill * (size // 4 + 1))[:max(0, size - 14)]
        head = self.BEYOND + b"\x02\0" + mark + struct.pack("!H", kind)
        return head + payload

    def good(self, size=100, dev="m7", **fields):
        """A frame, and the packet that it arrives in."""
        frame = self.inner(size)
        return frame, self.encap.wrap(self.gre(frame, int(dev[1:])), **fields)

    def gre(self, frame, key):
        """The GRE packet in which a tunnel sends and wants to get a frame."""
        summed = self.tunnels.get(key, (None, False))[1]
        return wire.gre(frame, key=key, check="good" if summed else None)

    def send(self, *packets):
        for packet in packets:
            self.sender.send(self.head + packet)

    def counts(self):
        found = {}
        if self.counting:
            for dev, stats in self.stats.items():
                now = stats.read()
                found |= {f"{dev} {k}": now[k] for k in DROPS if k in now}
            found |= stack_counters()
        return found

    def barrier(self):
        """Sends a good packet and waits for it; returns all that came before
        it, or None if it does not come."""
        probe, packet = self.good()
        self.send(packet)
        frames, end = [], time.monotonic() + 60
        while time.monotonic() < end:
            for tap in self.taps.values():
                frames += tap.frames()
            if probe in frames:
                frames.remove(probe)
                return frames
        return None

    def stack(self, name="InUnknownProtos"):
        """Name of the stack's counter for what no device of ours takes."""
        if self.encap.udp and name == "InUnknownProtos":
            return None
        return f"ip{6 if self.encap.v6 else 4} {name}"

    def case(self, name, packets, expect=None, deliver=(), times=1):
        """Sends packets. expect: which counter goes up by times (or a dict of
        several), as "m7 rx_short" or "ip4 InHdrErrors"; no other one may;
        ANY is not to look. deliver: the frames that arrive. times: SOME for one
        or more."""
        rise = expect if isinstance(expect, dict) else {expect: times}
        before = self.counts()
        self.send(*packets)
        frames = self.barrier()
        after = self.counts()
        why = []
        if frames is None:
            why.append("a good packet did not pass after it")
        elif sorted(frames) != sorted(deliver):
            bad = [f for f in frames if f not in deliver]
            miss = [f for f in deliver if f not in frames]
            why.append(f"{len(frames)} frames of {len(deliver)}; unwanted: "
                       f"{[f.hex() for f in bad[:2]]}, missing: "
                       f"{[f.hex() for f in miss[:2]]}")
        rises = {k: after[k] - before.get(k, 0) for k in after
                 if after[k] != before.get(k, 0)}
        want = {k: rises.get(k, 1) if n is SOME else n
                for k, n in rise.items() if k and n != 0}
        if self.counting and expect is not ANY and rises != want:
            why.append(f"counters went up by {rises}, not {want}")
        print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}",
              flush=True)

    def wrap_case(self, name, gre, expect=None, deliver=(), **fields):
        """One packet with this GRE header and payload."""
        self.case(name, [self.encap.wrap(gre, **fields)], expect, deliver)

    def judge(self, gre, tos=0):
        """What must become of a GRE packet, from a plain reading of RFC 2784,
        2890 and 6040: the counter it raises, and the frame delivered."""
        stray = self.stack(), None
        if len(gre) < 4:
            return stray
        flags, proto = struct.unpack_from("!HH", gre)
        size = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
        if flags & 0x4c07 or len(gre) < size:
            return stray
        key = None
        if flags & 0x2000:
            key, = struct.unpack_from("!I", gre, 8 if flags & 0x8000 else 4)
        if key not in self.tunnels:
            return stray
        dev, check = self.tunnels[key]
        if proto != wire.TEB:
            return f"{dev} rx_bad_proto", None
        if bool(flags & 0x8000) != check or check and wire.csum(gre):
            return f"{dev} rx_bad_csum", None
        frame = gre[size:]
        if len(frame) < 14:
            return f"{dev} rx_short", None
        need = {b"\x08\0": 20, b"\x86\xdd": 40}.get(frame[12:14], 0)
        if len(frame) < 14 + need:
            return f"{dev} rx_bad_inner", None
        return self.congestion(dev, frame, tos & 3)

    @staticmethod
    def seen(frame):
        """Is a delivered frame seen by a sniffer? The stack drops those whose
        VLAN tag it cannot take off."""
        return frame[12:14] not in (b"\x81\0", b"\x88\xa8") or len(frame) >= 20

    @staticmethod
    def congestion(dev, frame, outer):
        """The part of judge() that is about ECN."""
        at, kind = 14, frame[12:14]
        while outer and kind in (b"\x81\0", b"\x88\xa8") and len(frame) >= at + 4:
            at, kind = at + 4, frame[at + 2:at + 4]
        body = bytearray(frame[at:])
        if not outer or len(body) < {b"\x08\0": 20, b"\x86\xdd": 40}.get(
                kind, 1 << 16):
            return None, frame
        v4 = kind == b"\x08\0"
        inner = body[1] & 3 if v4 else body[1] >> 4 & 3
        if outer == 3 and inner == 0:
            return f"{dev} rx_bad_ecn", None
        if outer == 3 and inner != 3 or outer == 1 and inner == 2:
            mark = 3 if outer == 3 else 1
            if v4:
                body[1] = body[1] & ~3 | mark
                # RFC 1624: a sum that was wrong stays as wrong.
                total = (body[10] << 8 | body[11]) + (inner - mark) % 0xffff
                total += total >= 0xffff
                body[10:12] = struct.pack("!H", total & 0xffff)
            else:
                body[1] = body[1] & ~0x30 | mark << 4
        return None, frame[:at] + bytes(body)


def seed():
    """A random number generator; its seed is printed, and may be given."""
    number = int(os.environ.get("KSFT_SEED", "20250607"))
    print(f"KSFT_SEED={number}", flush=True)
    return random.Random(number)
