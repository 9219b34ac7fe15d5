#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_fuzz.sh, and the model that they are held against.

usage: mqgre_fuzz.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B WHAT COUNT

WHAT: judged    faults in the GRE packet; each is judged
      anything  faults anywhere in the outer packet
      offloads  faults, and a virtio-net header that lies
      sent      frames out of the tunnels

Prints PASS NAME or FAIL NAME: WHY for each.
"""

import collections
import struct
import sys
import time

import badpkt
import wire
from mqgre_bad_tx import PACKET_VNET_HDR
from sniffer import Sniffer
from wire import gre, ip

BATCH = 64


class Fuzzer:
    """Random frames and GRE packets, most of them nearly right."""

    def __init__(self, bench):
        self.b, self.rng = bench, badpkt.seed()

    def frame(self):
        rng, size = self.rng, self.rng.choice((0, 1, 20, 40, 64, 200, 900))
        data = rng.randbytes(rng.randrange(size + 1))
        kind = rng.choice((badpkt.LOCAL, 0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806,
                           rng.randrange(1 << 16)))
        tags = b""
        if kind in (0x8100, 0x88a8):
            within = rng.choice((0x0800, 0x86dd, 0x8100, 0x88b5))
            tags, kind = struct.pack("!HHH", kind, rng.randrange(1 << 16), within), within
            tags, kind = tags[2:4] + tags[4:], struct.unpack("!H", tags[:2])[0]
        within = struct.unpack("!H", tags[2:4])[0] if tags else kind
        if within == 0x0800:
            data = ip("10.7.0.1", "10.7.0.9", data, rng.choice((1, 6, 17, 47, 253)),
                      tos=rng.randrange(256), flags=rng.choice((0, 0x4000)))
        elif within == 0x86dd:
            data = struct.pack("!IHBB", 6 << 28 | rng.randrange(256) << 20, len(data),
                               rng.choice((0, 6, 17, 58, 59)), 9) + rng.randbytes(32) + data
        return self.faults(self.b.inner(kind=kind, payload=tags + data), start=6)

    def faults(self, data, start=0, most=3):
        """Some bytes changed, a bit flipped, the end cut off or doubled."""
        rng, data = self.rng, bytearray(data)
        for _ in range(rng.choice((0, 0, 1, 1, 2, most))):
            at = start + int(rng.random() ** 2 * max(1, len(data) - start))
            how = rng.randrange(8)
            if how < 3 and at < len(data):
                data[at] = rng.choice((0, 1, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xff,
                                       rng.randrange(256)))
            elif how < 5 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif how == 5:
                del data[max(at, start):]
            elif how == 6:
                data[at:at] = data[at:at + rng.randrange(1, 9)]
            elif how == 7:
                del data[at:at + rng.randrange(1, 9)]
        return bytes(data)

    def packet(self):
        """A GRE packet; half of those with faults have the checksum put right."""
        rng = self.rng
        key, (_, check) = rng.choice(list(self.b.tunnels.items()))
        if rng.random() < .05:
            key, check = rng.choice((None, 0, 70)), rng.random() < .5
        packet = gre(self.frame(), key=key, check="good" if check else None,
                     seq=rng.choice((None, None, None, 5)))
        packet = self.faults(packet)
        if len(packet) >= 8 and packet[0] & 0x80 and rng.random() < .5:
            packet = packet[:4] + b"\0\0" + packet[6:]
            packet = packet[:4] + struct.pack("!H", wire.csum(packet)) + packet[6:]
        return packet


def batches(count):
    """Sizes that add up to count."""
    return [min(BATCH, count - at) for at in range(0, count, BATCH)]


def difference(got, want):
    got, want = collections.Counter(got), collections.Counter(want)
    return (f"unwanted {[f.hex() for f in got - want][:2]}, "
            f"missing {[f.hex() for f in want - got][:2]}")


def judged(b, count):
    """Each packet raises the counter, or is delivered, as the model says."""
    fuzzer, why, seen = Fuzzer(b), [], collections.Counter()
    for size in batches(count):
        sent, want, rise = [], [], collections.Counter()
        for _ in range(size):
            packet, tos = fuzzer.packet(), fuzzer.rng.choice((0, 0, 1, 2, 3))
            counter, frame = b.judge(packet, tos)
            if counter and counter.endswith("rx_bad_proto") and b.stack():
                rise[b.stack()] += 1
            if counter:
                rise[counter] += 1
            elif frame and b.seen(frame):
                want.append(frame)
            seen[counter or frame and "delivered"] += 1
            sent.append(b.encap.wrap(packet, tos=tos))
        before = b.counts()
        b.send(*sent)
        got, after = b.barrier(), b.counts()
        if got is None:
            return [*why, f"a good packet did not pass after {[p.hex() for p in sent]}"], seen
        if sorted(got) != sorted(want):
            why.append(difference(got, want))
        rises = {k: after[k] - before.get(k, 0) for k in after
                 if after[k] != before.get(k, 0)}
        if b.counting and rises != dict(rise):
            why.append(f"counters went up by {rises}, not {dict(rise)}")
        if len(why) > 4:
            break
    return why, seen


def anything(b, count):
    """Faults in all of the outer packet: no frame arrives that was not sent."""
    fuzzer, seen = Fuzzer(b), collections.Counter()
    for size in batches(count):
        fields = [{} if b.encap.v6 else {"ident": fuzzer.rng.randrange(1 << 16)}
                  for _ in range(size)]
        sent = [fuzzer.faults(b.encap.wrap(fuzzer.packet(), **f), most=6)
                for f in fields]
        b.send(*sent)
        got = b.barrier()
        if got is None:
            return [f"a good packet did not pass after {[p.hex() for p in sent]}"], seen
        seen["delivered"] += len(got)
        # But for the congestion mark and the sum over it.
        strange = [f for f in got if not any(f[:15] in p and f[30:] in p for p in sent)]
        if strange:
            return [f"nobody sent this: {strange[0].hex()}"], seen
    return [], seen


def offloads(b, count):
    """Packets that come with the promise of checksums and segments to be made."""
    fuzzer, seen = Fuzzer(b), collections.Counter()
    b.sender.sock.setsockopt(wire.SOL_PACKET, PACKET_VNET_HDR, 1)
    pick = fuzzer.rng.choice
    good = bytes(10)
    send = b.sender.send
    b.sender.send = lambda frame: send(good + frame)
    for size in batches(count):
        for _ in range(size):
            packet = b.head + b.encap.wrap(pick((fuzzer.packet(), gre(
                fuzzer.frame() + bytes(pick((0, 3000))), key=7))))
            numbers = (0, 1, 14, 34, 38, 42, 46, 50, 56, 76, 100, 1000, 0xffff,
                       len(packet) - 1)
            header = struct.pack("=BBHHHH", pick((0, 1, 1, 1, 2)),
                                 pick((0, 0, 0, 1, 1, 3, 4, 5)), pick(numbers),
                                 pick(numbers), pick(numbers[:-2]),
                                 pick((0, 2, 6, 6, 16, 16, 16, 50)))
            try:
                send(header + packet)
                seen["taken"] += 1
            except OSError:
                seen["refused"] += 1
        got = b.barrier()
        if got is None:
            return ["a good packet did not pass after it"], seen
        seen["delivered"] += len(got)
    return [], seen


def sent(b, count):
    """Each frame goes out as it is, or is counted as dropped."""
    fuzzer, why, seen = Fuzzer(b), [], collections.Counter()
    outs = {key: type(b.sender)(dev) for key, (dev, _) in b.tunnels.items()}

    def drops():
        found = {}
        for dev, stats in b.stats.items():
            now = stats.read()
            found |= {f"{dev} {k}": now[k] for k in now
                      if k.startswith("tx_") and "queue" not in k}
        return found

    for size in batches(count):
        frames, before = [], drops()
        for _ in range(size):
            key = fuzzer.rng.choice(list(outs))
            frame = fuzzer.frame()
            if len(frame) < 14:
                continue
            frames.append(b.gre(frame, key))
            outs[key].send(frame)
        probe = gre(b.inner(), key=7)
        outs[7].send(probe[8:])
        got, end = [], time.monotonic() + 60
        while time.monotonic() < end:
            got += filter(b.encap.ours, b.far.frames())
            if got and got[-1].endswith(probe):
                break
        else:
            return [*why, "a good frame did not pass after it"], seen
        after = drops()
        dropped = sum(after.values()) - sum(before.values())
        packets = [b.encap.unwrap(f[14:]) for f in got[:-1]]
        extra = collections.Counter(packets) - collections.Counter(frames)
        seen.update(sent=len(packets), dropped=dropped)
        if extra or b.counting and len(packets) + dropped != len(frames):
            why.append(f"{len(packets)} sent and {dropped} dropped of {len(frames)}; "
                       f"{difference(packets, frames)}")
        if len(why) > 4:
            break
    return why, seen


def main():
    if len(sys.argv) != 7:
        raise SystemExit(__doc__)
    encap, shape, ns_a, ns_b, what, count = sys.argv[1:]
    wire.enter(ns_a)
    far = Sniffer("eth0")
    b = badpkt.Bench(encap, shape, ns_a, ns_b)
    b.far = far
    if what != "sent":
        b.far.sock.close()
    test = {"judged": judged, "anything": anything, "offloads": offloads,
            "sent": sent}[what]
    why, seen = test(b, int(count))
    print(f"{count} packets: {dict(seen)}")
    print(f"FAIL {what}: {'; '.join(why)}" if why else f"PASS {what}")


if __name__ == "__main__":
    main()
