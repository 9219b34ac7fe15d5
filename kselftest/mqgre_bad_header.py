#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The packets of mqgre_bad_header.sh, and what is expected of each.

usage: mqgre_bad_header.py ENCAP SHAPE NAMESPACE-A NAMESPACE-B

Prints PASS NAME or FAIL NAME: WHY for each case. Where it says b.stack(), the
packet is none of mqgre's: the stock stack gets and counts it, as it does
whatever no protocol takes (it would be ip_gre's, if that were loaded).
"""

import struct
import sys

from badpkt import SOME
from badpkt import Bench
from wire import gre, ip


def good_cases(b):
    for size in (14, 15, 59, 60, 1390):
        frame, packet = b.good(size)
        b.case(f"good, a frame of {size}", [packet], deliver=[frame])
    for size in (100, 101):
        frame, packet = b.good(size, "m8")
        b.case(f"good, {size} bytes, with checksum", [packet], deliver=[frame])
    f = b.inner()
    b.wrap_case("a sequence number is passed over", gre(f, key=7, seq=5),
                deliver=[f])
    if b.summed:
        f = b.inner()
        b.wrap_case("checksum, key and sequence number",
                    gre(f, key=8, check="good", seq=5), deliver=[f])
    f = b.inner()
    b.wrap_case("bits that a receiver must ignore",
                gre(f, key=7, extra=0x03f8), deliver=[f])
    f = b.inner()
    b.case("bytes after the end of the outer packet",
           [b.encap.wrap(gre(f, key=7)) + b"\xee" * 20], deliver=[f])


def option_cases(b):
    if b.encap.v6:
        return
    for name, options in (("no-operation", b"\1" * 8),
                          ("end of list", b"\0" * 4),
                          ("record route", b"\7\7\4\0\0\0\0\0"),
                          ("timestamp", b"\x44\x08\5\0\0\0\0\0"),
                          ("as long as may be", b"\1" * 40)):
        f, packet = b.good(options=options)
        b.case(f"IP option {name}", [packet], deliver=[f])
    for name, options in (("too long", b"\7\x28\4\0\0\0\0\0"),
                          ("without length", b"\7" + b"\1" * 0 + b"\0" * 3),
                          ("of one byte", b"\7\1\0\0"),
                          ("pointing before itself", b"\7\7\1\0\0\0\0\0")):
        _, packet = b.good(options=options)
        b.case(f"IP option {name}", [packet], b.stack("InHdrErrors"))
    # Linux forwards no source-routed packets unless told; nor does it take
    # them for itself.
    for name, kind in (("loose", 0x83), ("strict", 0x89)):
        _, packet = b.good(options=bytes([kind, 7, 4, 10, 1, 0, 2, 0]))
        b.case(f"IP option {name} source route", [packet])


def header_cases(b):
    for name, bits in (("routing", 0x4000), ("strict source route", 0x0800),
                       ("reserved bit 5", 0x0400), ("all of the first bits", 0x4c00),
                       *((f"version {v}", v) for v in range(1, 8))):
        b.wrap_case(name, gre(b.inner(), key=7, extra=bits), b.stack())
    # PPTP's header (RFC 2637): what is a key's place holds length and call id.
    pptp = struct.pack("!HHHHI", 0x3001, 0x880b, 60, 7, 1) + b.inner(60)
    b.wrap_case("a PPTP packet", pptp, b.stack())
    for name, key in (("another key", 70), ("the key's bytes swapped", 7 << 24),
                      ("key 0", 0), ("the highest key", 0xffffffff),
                      ("the key in the upper half", 7 << 16), ("no key", None)):
        b.wrap_case(name, gre(b.inner(), key=key), b.stack())
    net = "fd01::" if b.encap.v6 else "10.1.0."
    b.wrap_case("another sender", gre(b.inner(), key=7), b.stack(), src=net + "9")
    b.wrap_case("another protocol", gre(b.inner(), key=7), b.stack() or
                f"ip{6 if b.encap.v6 else 4} InUnknownProtos", proto=253)
    if not b.encap.v6:
        b.case("another receiver",
               [b.encap.wrap(gre(b.inner(), key=7), dst="10.1.0.9")],
               {"ip4 InAddrErrors": SOME})
        b.wrap_case("the IP header's checksum is wrong",
                    gre(b.inner(), key=7), "ip4 InHdrErrors", bad_csum=True)


def payload_cases(b):
    for proto in (0, 0x0001, 0x05ff, 0x0800, 0x0806, 0x5865, 0x6557, 0x6559,
                  0x8100, 0x86dd, 0x88be, 0x22eb, 0xffff):
        b.wrap_case(f"GRE protocol type {proto:#06x}", gre(
            ip("10.7.0.1", "10.7.0.2", b"x" * 40, 17), key=7, proto=proto),
            {"m7 rx_bad_proto": 1, b.stack(): 1})
    # Ethernet is Ethernet: what is in a frame is no concern of a tunnel.
    for kind in (0x0000, 0x0004, 0x0026, 0x05dc, 0x05ff, 0x0600, 0x0801, 0x1337,
                 0x6558, 0x8847, 0x8863, 0x88cc, 0x88e5, 0x9000, 0xfefe, 0xffff):
        f = b.inner(kind=kind)
        b.wrap_case(f"inner EtherType {kind:#06x}", gre(f, key=7), deliver=[f])
    for kind in (0x0800, 0x86dd, 0x0806):
        f = b.inner(kind=kind)
        b.wrap_case(f"rubbish with inner EtherType {kind:#06x}",
                    gre(f, key=7), deliver=[f])
    tag = struct.pack("!HH", 5, 0x8100)
    for depth in (1, 2, 7, 8, 9, 20):
        f = b.inner(kind=0x8100, payload=tag * depth + b"\0\5\x88\xb5" + b"v" * 50)
        # More than eight tags: the sum of them is no business of ours, either.
        b.wrap_case(f"{depth + 1} VLAN tags", gre(f, key=7), deliver=[f], tos=3)
    for size in range(6):
        # The stack cannot read the tag, and drops the frame behind the tunnel.
        f = b.inner(kind=0x8100, payload=b"\0\5\x88\xb5v"[:size])
        b.wrap_case(f"a VLAN tag of {size} bytes", gre(f, key=7))
    f = b.inner(kind=0x0800, payload=b"\x4f" + b"\xff" * 30)
    b.wrap_case("an inner header that ends behind the frame", gre(f, key=7),
                deliver=[f])
    for key in b.tunnels:
        f = bytes(12) + b"\x88\xb5" + b"n" * 50
        b.wrap_case(f"no MAC addresses, key {key}", b.gre(f, key), deliver=[f])


def checksum_cases(b):
    for name, check in (("a", "good"), ("a wrong", "bad")):
        b.wrap_case(f"{name} GRE checksum where none is due",
                    gre(b.inner(), key=7, check=check), "m7 rx_bad_csum")
    if not b.summed:
        return
    b.wrap_case("the GRE checksum is wrong", gre(
        b.inner(), key=8, check="bad"), "m8 rx_bad_csum")
    b.wrap_case("the GRE checksum is missing", gre(b.inner(), key=8),
                "m8 rx_bad_csum")
    whole = bytearray(gre(b.inner(), key=8, check="good"))
    whole[4:6] = b"\0\0"
    b.wrap_case("the GRE checksum is zero", bytes(whole), "m8 rx_bad_csum")
    # The reserved half is covered by the sum, and not looked at.
    f = b.inner()
    whole = bytearray(gre(f, key=8, check="good"))
    total = (whole[4] << 8 | whole[5]) + 0xffff - 0x1234
    total = (total & 0xffff) + (total >> 16)
    whole[4:8] = struct.pack("!HH", total, 0x1234)
    b.wrap_case("something in the reserved half of the checksum",
                bytes(whole), deliver=[f])


def ecn_cases(b):
    for kind, version in ((0x0800, 4), (0x86dd, 6)):
        for outer in range(4):
            for inner in range(4):
                if version == 4:
                    body = ip("10.7.0.1", "10.7.0.9", b"x" * 30, 253, tos=inner)
                else:
                    body = struct.pack("!IHBB", 6 << 28 | inner << 20, 30, 59, 9)
                    body += bytes(32) + b"x" * 30
                packet = gre(b.inner(kind=kind, payload=body), key=7)
                expect, frame = b.judge(packet, outer)
                b.wrap_case(f"ECN {outer} outside, {inner} inside in IPv{version}",
                            packet, expect, [frame] if frame else [], tos=outer)


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    b = Bench(*sys.argv[1:])
    for cases in (good_cases, option_cases, header_cases, payload_cases,
                  checksum_cases, ecn_cases):
        cases(b)


if __name__ == "__main__":
    main()
