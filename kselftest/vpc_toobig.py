#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A VM's packets that are longer than the tunnel's MTU, or have no time left, and
what it is told.

Runs on a host that tenants_lib.sh has made, where mgre0 has an MTU of 1400 and red
a virtual gateway; 02:00:00:00:00:02 is behind a remote.
"""

from scapy.all import Ether
from scapy.all import ICMP
from scapy.all import ICMPv6PacketTooBig
from scapy.all import ICMPv6TimeExceeded
from scapy.all import IP
from scapy.all import IPv6
from scapy.all import Raw
from scapy.all import UDP

import vpc
from vpc_taps import Tap
from vpc_taps import result

MAC, PEER, GATEWAY = "02:00:00:00:00:09", "02:00:00:00:00:02", "02:00:00:00:00:fe"
MTU = 1400


def main():
    tap = Tap(vpc.Vpc(), "tapbig", 7, bytes.fromhex(MAC.replace(":", "")),
              ("10.9.0.9", "fd00:9::9"))

    def answer(packet):
        tap.received()
        tap.send(bytes(packet))
        found = [Ether(frame) for frame in tap.received(2)]
        return found[0] if found else None

    def frame(ip, size, to=PEER):
        head = Ether(src=MAC, dst=to) / ip / UDP(sport=1, dport=2)
        return head / Raw(b"x" * (size - len(head) + 14))

    def check(name, got, wanted):
        why = [] if got is not None and wanted(got) else [f"got {got!r}"]
        result(name, why)

    v4 = IP(src="10.9.0.9", dst="10.9.0.2", flags="DF")
    v6 = IPv6(src="fd00:9::9", dst="fd00:9::2")

    def valid(got):
        """Checksums are as scapy makes them."""
        again = got.copy()
        for layer, field in ((IP, "chksum"), (ICMP, "chksum"),
                             (ICMPv6PacketTooBig, "cksum"), (ICMPv6TimeExceeded, "cksum")):
            if layer in again:
                again[layer].delfieldval(field)
        return bytes(again) == bytes(got)

    check("fragmentation needed, from where it went",
          answer(frame(v4, 1401)),
          lambda got: ICMP in got and (got[ICMP].type, got[ICMP].code) == (3, 4)
          and got[ICMP].nexthopmtu == MTU and got[IP].src == "10.9.0.2"
          and got.src == PEER and got.dst == MAC and valid(got))
    check("packet too big, from where it went",
          answer(frame(v6, 1401)),
          lambda got: ICMPv6PacketTooBig in got and got[ICMPv6PacketTooBig].mtu == MTU
          and got[IPv6].src == "fd00:9::2" and got.src == PEER and valid(got))
    result("as long as may be is no answer", [] if answer(frame(v4, MTU)) is None else ["one"])
    check("time exceeded at the gateway",
          answer(frame(IP(src="10.9.0.9", dst="10.9.0.2", ttl=1), 100, GATEWAY)),
          lambda got: ICMP in got and (got[ICMP].type, got[ICMP].code) == (11, 0)
          and got.src == GATEWAY and valid(got))
    check("the same over IPv6",
          answer(frame(IPv6(src="fd00:9::9", dst="fd00:9::2", hlim=1), 100, GATEWAY)),
          lambda got: ICMPv6TimeExceeded in got and got.src == GATEWAY and valid(got))
    # What would be an answer to an answer.
    error = Ether(src=MAC, dst=PEER) / v4 / ICMP(type=3, code=1) / Raw(b"x" * 1400)
    result("an error that is too long is no answer", [] if answer(error) is None else ["one"])


if __name__ == "__main__":
    main()
