#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_bad_short.sh, and what is expected of each.

usage: mqgre_bad_short.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B

Prints PASS NAME or FAIL NAME: WHY for each case.
"""

import sys

from badpkt import ANY
from badpkt import LOCAL
from badpkt import Bench
from encap import udp
from wire import gre

LENGTHS = range(65)


def outer_cases(b):
    """The frame on the wire is cut off: the stack's IP layer drops it."""
    for n in LENGTHS:
        _, packet = b.good()
        short = n < (40 if b.encap.v6 else 20)
        name = b.stack("InHdrErrors" if short else "InTruncatedPkts")
        b.case(f"{n} bytes of the outer packet are there", [packet[:n]], {name: 1})


def gre_cases(b):
    """GRE header and frame are cut off, and the IP header says so."""
    kinds = (("rubbish", LOCAL), ("IPv4", 0x0800), ("IPv6", 0x86dd),
             ("a VLAN", 0x8100))
    summed = [("checksum and key", {"key": 8, "check": "good"})] * b.summed
    for title, options in (("key", {"key": 7}), ("key and sequence", {"key": 7, "seq": 1}),
                           ("nothing", {}), *summed):
        for what, kind in kinds:
            packets, expect, deliver = [], {}, []
            for n in LENGTHS:
                cut = gre(b.inner(90, kind), **options)[:n]
                counter, frame = b.judge(cut)
                packets.append(b.encap.wrap(cut))
                expect[counter] = expect.get(counter, 0) + 1
                deliver += [frame] if frame and b.seen(frame) else []
            b.case(f"a GRE packet with {title}, {what} inside, cut at every length",
                   packets, expect, deliver)
    if not b.summed:
        return
    # With a checksum over what is left.
    packets, expect, deliver = [], {}, []
    for n in LENGTHS:
        whole = gre(b.inner(90)[:n], key=8, check="good")
        counter, frame = b.judge(whole)
        packets.append(b.encap.wrap(whole))
        expect[counter] = expect.get(counter, 0) + 1
        deliver += [frame] if frame else []
    b.case("a right checksum over 0 to 64 bytes of a frame", packets, expect, deliver)


def lie_cases(b):
    """All of the frame is there; the IP header says otherwise."""
    base = 40 if b.encap.v6 else 20
    whole = gre(b.inner(), key=7)
    size = len(b.encap.wrap(whole))
    if not b.encap.v6:
        b.case("IP says less than its own header", [
            b.encap.wrap(whole, total=n) for n in range(base)],
            {b.stack("InHdrErrors"): base})
        b.case("IP header with a length of its own from 0 to 4 words", [
            bytes([0x40 | n]) + b.encap.wrap(whole)[1:] for n in range(5)],
            {b.stack("InHdrErrors"): 5})
    b.case("IP says more than there is", [
        b.encap.wrap(whole, total=n) for n in (size + 1, size + 8, 0xffff)],
        {b.stack("InTruncatedPkts"): 3})
    for version in (0, 5, 15):
        packet = b.encap.wrap(whole)
        packet = bytes([version << 4 | packet[0] & 15]) + packet[1:]
        b.case(f"IP version {version}", [packet], b.stack("InHdrErrors"))
    if b.encap.udp:
        return
    packets, expect, deliver = [], {}, []
    for n in LENGTHS:
        whole = gre(b.inner(), key=7)
        counter, frame = b.judge(whole[:n])
        packets.append(b.encap.wrap(whole, total=base + n))
        expect[counter] = expect.get(counter, 0) + 1
        deliver += [frame] if frame else []
    b.case("IP says that 0 to 64 bytes of the GRE packet are there",
           packets, expect, deliver)


def udp_cases(b):
    """GRE-in-UDP: the UDP header says what is not so."""
    if not b.encap.udp:
        return
    whole = gre(b.inner(), key=7)
    size = 8 + len(whole)

    def packet(says):
        body = udp(whole, size=says)
        # RFC 8200 wants a checksum; it is over what the header says.
        if b.encap.v6:
            body = b.encap.checked(body[:says]) + body[says:]
        return b.encap.outer(body)

    # In IPv6 a length of 0 is a jumbogram's.
    for says in (*([] if b.encap.v6 else [0]), 1, 7, size + 1, size + 100, 0xffff):
        b.case(f"UDP says {says} bytes of {size}", [packet(says)], ANY)
    for n in range(8):
        b.case(f"{n} bytes of the UDP header are there",
               [b.encap.outer(udp(whole)[:n])], ANY)
    # Less than the IP packet has: what is behind is no payload.
    packets, expect, deliver = [], {}, []
    for n in LENGTHS:
        counter, frame = b.judge(whole[:n])
        packets.append(packet(8 + n))
        expect[counter] = expect.get(counter, 0) + 1
        deliver += [frame] if frame else []
    b.case("UDP says that 0 to 64 bytes of the GRE packet are there",
           packets, expect, deliver)
    bad = bytearray(b.encap.checked(udp(whole)))
    bad[6] ^= 0x55
    b.case("the UDP checksum is wrong", [b.encap.outer(bytes(bad))], ANY)
    b.case("the UDP checksum is right",
           [b.encap.outer(b.encap.checked(udp(whole)))], deliver=[whole[8:]])


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    b = Bench(*sys.argv[1:])
    for cases in (outer_cases, gre_cases, lie_cases, udp_cases):
        cases(b)


if __name__ == "__main__":
    main()
