#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends frames to the virtual gateway, and sees where they come out, and how.

usage: vpc_route.py

On a host that tenants_lib.sh has made, where red has a virtual gateway.
"""

import struct

import frames
import vpc
import wire
from frames import ARP
from frames import IPV4
from frames import IPV6
from frames import NA
from frames import NS
from frames import arp
from frames import ether
from frames import ip4
from frames import ip6
from frames import nd
from frames import udp
from vpc_taps import ip
from vpc_taps import Tap
from vpc_taps import result
from vpc_taps import risen

RED, BLUE = 7, 9
V, W, X = (bytes([2, 0, 0, 0, 0, n]) for n in (0x12, 0x13, 0x14))
GATEWAY = bytes([2, 0, 0, 0, 0, 0xfe])
V4, W4, X4, NOBODY4 = "10.9.0.18", "10.9.1.19", "10.9.2.20", "10.9.3.1"
V6, W6, X6, NOBODY6 = "fd00:9::12", "fd00:a::13", "fd00:b::14", "fd00:c::1"
# The gateway's own addresses.
G4, G6 = "10.9.0.254", "fd00:9::fe"
REMOTE = "10.1.0.2"
OPTIONS = b"\1\1\1\0"


def packet(version, src, dst, hops, size=26, **more):
    """A datagram, of IPv4 or IPv6."""
    body = udp(src, dst, payload=bytes(size))
    if version == 4:
        return IPV4, ip4(src, dst, body, ttl=hops, **more)
    return IPV6, ip6(src, dst, body, hops=hops, **more)


class Trial:
    """VMs of red, one of blue with the same addresses as one of them, and the wire."""

    def __init__(self):
        self.client = client = vpc.Vpc()
        self.sender = Tap(client, "tapr", RED, V, (V4, V6))
        self.near = Tap(client, "tapq", RED, W, (W4, W6))
        self.other = Tap(client, "tapx", BLUE, W, (W4, W6))
        client.say("entry-new", f"vpc={RED}", f"mac={X.hex(':')}", f"remote={REMOTE}")
        for mac, addresses in ((X, (X4, X6)), (GATEWAY, (G4, G6))):
            for address in addresses:
                client.say("entry-new", f"vpc={RED}", f"mac={mac.hex(':')}", f"address={address}")
        self.wire = wire.sniffer("eth0")

    def leave(self):
        for address in (X4, X6, G4, G6):
            self.client.say("entry-del", f"vpc={RED}", f"address={address}")
        self.client.say("entry-del", f"vpc={RED}", f"mac={X.hex(':')}")

    def inner(self):
        """What has gone to the wire, without what is around it."""
        return [frame[42:] for frame in wire.sent(self.wire)
                if frame[12:14] == b"\x08\0" and frame[23] == 47
                and frame[38:42] == struct.pack("!I", RED)]

    def one(self, name, frame, near=None, far=None, back=None, drop=None):
        """A frame, and what has to come to the near VM, to the wire, and back."""
        for tap in (self.sender, self.near, self.other):
            tap.received()
        self.inner()
        before = self.sender.counters()
        self.sender.send(frame)
        got = self.near.received(1 if near else 0.02)
        answers = self.sender.received(1 if back else 0)
        gone = self.inner()
        rise = risen(before, self.sender.counters())
        why = [f"{what}: {[g.hex() for g in found]}" for what, found, wanted in (
            ("to the VM", got, near), ("to the wire", gone, far),
            ("to another tenant", self.other.received(), None)) if found != [wanted] * bool(wanted)]
        if back and not (len(answers) == 1 and back(answers[0])):
            why.append(f"came back: {[a.hex() for a in answers]}")
        if drop and rise != {drop: 1}:
            why.append(f"counted {rise}, not {drop}")
        if not drop and not back and rise != {"rx-packets": 1}:
            why.append(f"counted {rise}")
        result(name, why)

    def routes(self):
        for version, src, near, far in ((4, V4, W4, X4), (6, V6, W6, X6)):
            for hops in (255, 64, 2):
                def through(mac, dst):
                    return ether(mac, GATEWAY, *packet(version, src, dst, hops - 1))

                self.one(f"IPv{version} to a VM here, {hops} hops left",
                         ether(GATEWAY, V, *packet(version, src, near, hops)),
                         near=through(W, near))
                self.one(f"IPv{version} to a remote, {hops} hops left",
                         ether(GATEWAY, V, *packet(version, src, far, hops)),
                         far=through(X, far))
        self.one("IPv4 with options", ether(GATEWAY, V, *packet(4, V4, W4, 9, options=OPTIONS)),
                 near=ether(W, GATEWAY, *packet(4, V4, W4, 8, options=OPTIONS)))
        extensions = ((60, frames.padding()),)
        self.one("IPv6 with options",
                 ether(GATEWAY, V, *packet(6, V6, W6, 9, extensions=extensions)),
                 near=ether(W, GATEWAY, *packet(6, V6, W6, 8, extensions=extensions)))

    def not_routed(self):
        for version, src, dst, nobody, drop in (
                (4, V4, W4, NOBODY4, "src_ipv4"), (6, V6, W6, NOBODY6, "src_ipv6")):
            self.one(f"IPv{version} to nobody", ether(GATEWAY, V, *packet(version, src, nobody, 9)),
                     drop="unknown_address")
            self.one(f"IPv{version} to its own sender",
                     ether(GATEWAY, V, *packet(version, src, src, 9)), drop="hairpin")
            self.one(f"IPv{version} from another's address",
                     ether(GATEWAY, V, *packet(version, dst, dst, 9)), drop=drop)
            self.one(f"IPv{version} to the gateway",
                     ether(GATEWAY, V, *packet(version, src, G4 if version == 4 else G6, 9)),
                     drop="unknown_mac")
            for hops in (0, 1):
                far = X4 if version == 4 else X6
                for where, to in (("a VM here", dst), ("a remote", far)):
                    self.one(f"IPv{version} to {where}, {hops} hops left",
                             ether(GATEWAY, V, *packet(version, src, to, hops)), drop="ttl",
                             back=lambda got: got[:12] == V + GATEWAY)

    def answers(self):
        """The gateway is found."""
        def arp_reply(got):
            return got[:42] == ether(V, GATEWAY, ARP, arp(2, (GATEWAY, G4), (V, V4)))

        def advertised(got):
            # Its target, and that it is a router.
            return (got[:14] == V + GATEWAY + b"\x86\xdd" and got[54] == NA
                    and got[58] & 0x80 and got[62:78] == frames.packed(G6))

        self.one("ARP for the gateway",
                 ether(frames.BROADCAST, V, ARP, arp(1, (V, V4), (bytes(6), G4))), back=arp_reply)
        group = frames.solicited(G6)
        self.one("neighbour discovery for the gateway",
                 ether(frames.group_mac(group), V, IPV6, nd(V6, group, NS, target=G6, mac=V)),
                 back=advertised)

    def narrow(self):
        """What passes the tunnel's MTU, and not the path's, is answered to who has sent it."""
        ip("link", "set", "eth0", "mtu", "1500")

        def too_big(got):
            at = 34 if got[12:14] == b"\x08\0" else 54
            kind = (3, 4) if at == 34 else (2, 0)
            mtu = int.from_bytes(got[at + 4:at + 8], "big")
            return got[:6] == V and (got[at], got[at + 1]) == kind and mtu == 1458

        for version, src, dst in ((4, V4, X4), (6, V6, X6)):
            head = 28 if version == 4 else 48
            for way, mac in (("switched", X), ("routed", GATEWAY)):
                self.one(f"IPv{version}, {way}, too long for the path",
                         ether(mac, V, *packet(version, src, dst, 9, 1459 - head)), back=too_big)
        ip("link", "set", "eth0", "mtu", "1600")


def main():
    trial = Trial()
    trial.routes()
    trial.not_routed()
    trial.answers()
    trial.narrow()
    trial.leave()


if __name__ == "__main__":
    main()
