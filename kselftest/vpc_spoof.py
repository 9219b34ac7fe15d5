#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends frames from a port that it may or may not send, and sees what becomes of
each: who gets it, and what is counted.

usage: vpc_spoof.py

In a namespace that tenants_lib.sh has made a host, with remotes that get broadcast.
"""

import struct
import subprocess
import sys
import time

import frames
import vpc
import wire
from frames import ARP
from frames import IPV4
from frames import IPV6
from frames import NA
from frames import NS
from frames import RA
from frames import REDIRECT
from frames import RS
from frames import arp
from frames import ether
from frames import ip4
from frames import ip6
from frames import nd
from frames import udp
from vpc_taps import Tap
from vpc_taps import ip
from vpc_taps import result
from vpc_taps import risen

RED, BLUE = 7, 9
M, V, X = (bytes([2, 0, 0, 0, 0, n]) for n in (0x11, 0x12, 0x13))
M4, V4, X4 = "10.9.0.17", "10.9.0.18", "10.9.0.19"
M6, V6, X6 = "fd00:9::11", "fd00:9::12", "fd00:9::13"
ML, VL = frames.link_local(M), frames.link_local(V)
NONE4, NONE6 = "0.0.0.0", "::"
# Flags of ports.
DHCP_SERVER, ROUTER, ANY_ETHERTYPE, VLAN, ANY_SOURCE = (1 << n for n in range(5))
# What becomes of a frame: the victim gets it; the port answers; neither, and nothing is counted as
# a forgery; nobody gets it, for whatever reason. Any other name is that of the counter.
PASS, ANSWERED, HARMLESS, ANY_DROP = "pass", "answered", "harmless", "any drop"


def to_victim4(src_mac=M, src=M4, dst=V4, tags=(), **more):
    return ether(V, src_mac, IPV4, ip4(src, dst, udp(src, dst), **more), tags)


def to_victim6(src_mac=M, src=M6, dst=V6, **more):
    return ether(V, src_mac, IPV6, ip6(src, dst, udp(src, dst), **more))


def neighbour(kind, src, dst, **more):
    """A message of neighbour discovery; to a group, or to the victim."""
    to = frames.group_mac(dst) if dst.startswith("ff") else V
    return ether(to, M, IPV6, nd(src, dst, kind, **more))


def dhcp(ports, src, dst, reply=False, to=frames.BROADCAST):
    return ether(to, M, IPV4, ip4(src, dst, udp(src, dst, ports, frames.dhcp(M, reply))))


def dhcp6(ports, src, dst):
    return ether(V, M, IPV6, ip6(src, dst, udp(src, dst, ports, b"\2\0\0\1" + bytes(20))))


def honest():
    """What a VM has to be able to send."""
    yield "IPv4 from its own address", to_victim4(), PASS
    yield "IPv6 from its own address", to_victim6(), PASS
    yield "IPv6 from its own link-local address", to_victim6(src=ML, dst=VL), PASS
    yield ("ARP: who has the victim's address",
           ether(frames.BROADCAST, M, ARP, arp(1, (M, M4), (bytes(6), V4))), ANSWERED)
    yield ("ARP: a probe of its own address",
           ether(frames.BROADCAST, M, ARP, arp(1, (M, NONE4), (bytes(6), M4))), HARMLESS)
    yield ("ARP: its own address is announced",
           ether(frames.BROADCAST, M, ARP, arp(1, (M, M4), (bytes(6), M4))), HARMLESS)
    yield ("ARP: an answer to the victim",
           ether(V, M, ARP, arp(2, (M, M4), (V, V4))), HARMLESS)
    yield ("ND: who has the victim's address",
           neighbour(NS, M6, frames.solicited(V6), target=V6, mac=M), ANSWERED)
    yield ("ND: its own address is probed",
           neighbour(NS, NONE6, frames.solicited(M6), target=M6), HARMLESS)
    yield ("ND: its own address is advertised",
           neighbour(NA, M6, frames.ALL_NODES, target=M6, mac=M, flags=0x20000000), HARMLESS)
    yield "ND: a router is asked for", neighbour(RS, ML, frames.ALL_ROUTERS, mac=M), HARMLESS
    yield "DHCP: a client without an address", dhcp((68, 67), NONE4, "255.255.255.255"), HARMLESS
    yield "DHCP: a client renews", dhcp((68, 67), M4, V4, to=V), PASS


def forged():
    """What it must not send, with the counter that says so."""
    for name, mac in (("the victim's", V), ("nobody's", X), ("no", bytes(6)),
                      ("a group's", b"\1\0\x5e\0\0\1"), ("everybody's", frames.BROADCAST)):
        yield f"from {name} MAC address", to_victim4(src_mac=mac), "src_mac"
        yield f"IPv6 from {name} MAC address", to_victim6(src_mac=mac), "src_mac"
    for name, ip in (("the victim's", V4), ("another", X4), ("no", NONE4),
                     ("a host's", "10.1.0.1"), ("the loopback", "127.0.0.1"),
                     ("a group's", "224.0.0.1"), ("everybody's", "255.255.255.255")):
        yield f"from {name} IPv4 address", to_victim4(src=ip), "src_ipv4"
    yield ("a later fragment from the victim's IPv4 address",
           to_victim4(src=V4, flags=0x0010), "src_ipv4")
    yield ("IPv4 with options, from the victim's address",
           to_victim4(src=V4, options=b"\x94\4\0\0"), "src_ipv4")
    for name, ip in (("the victim's", V6), ("another", X6), ("no", NONE6), ("another's local", VL),
                     ("the loopback", "::1"), ("a group's", "ff02::1"),
                     ("a mapped", "::ffff:10.9.0.18")):
        yield f"from {name} IPv6 address", to_victim6(src=ip), "src_ipv6"
    who_has = (bytes(6), V4)
    every = frames.BROADCAST
    yield ("ARP: asked from the victim's MAC address",
           ether(every, M, ARP, arp(1, (V, M4), who_has)), "arp_mac")
    yield ("ARP: asked from the victim's IP address",
           ether(every, M, ARP, arp(1, (M, V4), (bytes(6), X4))), "arp_ip")
    yield ("ARP: the victim's address is announced",
           ether(every, M, ARP, arp(1, (M, V4), who_has)), "arp_ip")
    yield ("ARP: the victim is told that another's address is here",
           ether(V, M, ARP, arp(2, (M, X4), (V, V4))), "arp_ip")
    yield ("ARP: the victim is told of a MAC address that is another's",
           ether(V, M, ARP, arp(2, (X, M4), (V, V4))), "arp_mac")
    yield ("ND: the victim's address is advertised",
           neighbour(NA, M6, frames.ALL_NODES, target=V6, mac=M), "nd_target")
    yield ("ND: ... to the victim alone",
           neighbour(NA, M6, V6, target=X6, mac=M, flags=0x60000000), "nd_target")
    yield ("ND: another MAC address is advertised",
           neighbour(NA, M6, frames.ALL_NODES, target=M6, mac=X), "nd_mac")
    yield ("ND: asked with another MAC address",
           neighbour(NS, M6, frames.solicited(V6), target=V6, mac=X), "nd_mac")
    yield ("ND: the victim's address is claimed",
           neighbour(NS, NONE6, frames.solicited(V6), target=V6), "nd_target")
    yield ("ND: with a hop limit of 64",
           neighbour(NA, M6, frames.ALL_NODES, target=M6, mac=M, hops=64), "nd_hops")
    yield ("ND: asked from the victim's address",
           neighbour(NS, V6, frames.solicited(X6), target=X6, mac=M), "src_ipv6")
    yield from forged_router("router_advertisement", "redirect")
    yield from forged_server("dhcp_server")
    yield from other_kinds("ethertype")
    yield from tagged("vlan")


def known():
    """What a port must not send that may send from any address: those of others."""
    for name, mac in (("", M), (", with another MAC address", X)):
        yield f"from the victim's IPv4 address{name}", to_victim4(mac, V4), "src_ipv4"
        yield f"from the victim's IPv6 address{name}", to_victim6(mac, V6), "src_ipv6"
        yield (f"ARP: the victim's address is announced{name}",
               ether(frames.BROADCAST, mac, ARP, arp(1, (mac, V4), (bytes(6), V4))), "arp_ip")
        yield (f"ARP: somebody is told that it is here{name}",
               ether(V, mac, ARP, arp(2, (mac, V4), (V, M4))), "arp_ip")
    yield ("ND: the victim's address is advertised",
           neighbour(NA, M6, frames.ALL_NODES, target=V6, mac=M), "nd_target")
    yield ("ND: the victim's address is claimed",
           neighbour(NS, NONE6, frames.solicited(V6), target=V6), "nd_target")
    yield ("ND: asked from the victim's address",
           neighbour(NS, V6, frames.solicited(X6), target=X6, mac=M), "src_ipv6")
    yield ("ND: who has the victim's address",
           neighbour(NS, M6, frames.solicited(V6), target=V6, mac=M), ANSWERED)
    yield ("ND: another address is advertised",
           neighbour(NA, M6, frames.ALL_NODES, target=X6, mac=M), HARMLESS)


def forged_router(advertised, redirected):
    yield "ND: a router advertisement", neighbour(RA, ML, frames.ALL_NODES, mac=M), advertised
    options = ((0, frames.padding()), (60, frames.padding()))
    yield ("ND: a router advertisement behind extension headers",
           neighbour(RA, ML, frames.ALL_NODES, mac=M, extensions=options), advertised)
    yield ("ND: a redirect",
           neighbour(REDIRECT, ML, V6, target=M6, mac=M, option=2), redirected)


def forged_server(counter):
    yield "DHCP: an offer", dhcp((67, 68), M4, "255.255.255.255", True), counter
    yield "DHCP: an offer to the victim", dhcp((67, 68), M4, V4, True, to=V), counter
    yield "DHCPv6: an advertisement", dhcp6((547, 546), M6, V6), counter


def other_kinds(counter):
    for kind in (0x88b5, 0x8847, 0x8863, 0x6558):
        yield f"EtherType {kind:#06x}", ether(V, M, kind, bytes(46)), counter
    yield "LLC", ether(V, M, 46, b"\xaa\xaa\3" + bytes(43)), counter


def tagged(counter):
    for name, tags in (("VLAN 5", [(0x8100, 5)]), ("VLAN 0", [(0x8100, 0)]),
                       ("VLAN 5 of a provider", [(0x88a8, 5)]),
                       ("VLAN 5 in VLAN 6", [(0x8100, 6), (0x8100, 5)])):
        yield name, to_victim4(tags=tags), counter


def malformed():
    """What cannot be judged must not pass, whatever it is counted as."""
    whole = to_victim4()
    for size in (14, 15, 33, 34):
        yield f"IPv4, {size} bytes", whole[:size], ANY_DROP
    whole = to_victim6()
    for size in (15, 53):
        yield f"IPv6, {size} bytes", whole[:size], ANY_DROP
    yield "IPv4 of version 6", to_victim4().replace(b"\x45\0", b"\x65\0", 1), ANY_DROP
    yield "IPv4 with a header of 4 bytes", to_victim4().replace(b"\x45\0", b"\x41\0", 1), ANY_DROP
    yield "ARP, cut short", ether(V, M, ARP, arp(1, (M, M4), (V, V4))[:20]), ANY_DROP
    yield ("ARP with addresses of other lengths",
           ether(V, M, ARP, arp(1, (M, M4), (V, V4), lengths=(8, 4))), ANY_DROP)
    for name, option in (("of no length", b"\2\0" + M), ("that goes on behind the end", b"\2\7" + M)):
        body = struct.pack("!I", 0) + frames.packed(M6) + option
        message = frames.icmp6(M6, frames.ALL_NODES, NA, body)
        packet = ip6(M6, frames.ALL_NODES, message, frames.ICMP6, 255)
        yield (f"ND with an option {name}",
               ether(frames.group_mac(frames.ALL_NODES), M, IPV6, packet), ANY_DROP)
    # RFC 6980: neighbour discovery is not fragmented. What it is stands in another fragment.
    fragment = ((frames.FRAGMENT, b"\0\0\1\0\0\0\1"),)
    yield ("ND in a fragment",
           neighbour(RA, ML, frames.ALL_NODES, mac=M, extensions=fragment), ANY_DROP)
    hidden = ip6(ML, frames.ALL_NODES, frames.padding(), 60, 255, fragment)
    yield ("a fragment that hides what it is",
           ether(frames.group_mac(frames.ALL_NODES), M, IPV6, hidden), ANY_DROP)
    long = tuple((60, frames.padding()) for _ in range(40))
    yield ("IPv6 with 40 extension headers",
           neighbour(RA, ML, frames.ALL_NODES, mac=M, extensions=long), ANY_DROP)


def reserved():
    """To the groups that bridges keep to themselves (IEEE 802.1Q, 8.6.3): a bridge would hand them to
    the host, which must not take them for packets of its own tunnel, nor answer."""
    inside = ether(frames.BROADCAST, X, IPV4, ip4(X4, V4, udp(X4, V4)))
    tunnel = ip4("10.1.0.2", "10.1.0.1", wire.gre(inside, key=BLUE), 47)
    echo = ip4(M4, "10.1.0.1", b"\x08\0\xf7\xff\0\0\0\0", 1)
    honest_udp = ip4(M4, "10.1.0.1", udp(M4, "10.1.0.1"))
    for last in range(0x10):
        to = b"\1\x80\xc2\0\0" + bytes([last])
        for what, packet, counter in (("another tenant's tunnel", tunnel, "src_ipv4"),
                                      ("a ping of the host", echo, "link_local"),
                                      ("UDP to the host", honest_udp, "link_local")):
            yield f"{what} to 01:80:c2:00:00:{last:02x}", ether(to, M, IPV4, packet), counter
        yield (f"ARP to 01:80:c2:00:00:{last:02x}",
               ether(to, M, ARP, arp(1, (M, M4), (bytes(6), "10.1.0.1"))), "link_local")


def aimed(frame, start, field, wanted, at):
    """The frame with two bytes changed so that the checksum of what follows start is wanted, which
    is to be written at field; and what it is then."""
    sent = bytearray(frame)
    sent[at:at + 2] = bytes(2)
    rest = 0xffff - wire.csum(bytes(sent[start:]))
    sent[at:at + 2] = struct.pack("!H", (0xffff - wanted - rest) % 0xffff)
    done = bytes(sent[:field]) + struct.pack("!H", wanted) + bytes(sent[field + 2:])
    return bytes(sent), done


def summed():
    """Frames to which the host is to add a checksum: what the VM sends, where, what that is then,
    and what becomes of it."""
    def usual(name, frame, start, field, wanted=PASS):
        """Where its protocol has it."""
        right = int.from_bytes(frame[field:field + 2], "big")
        sent, done = aimed(frame, start, field, right, field)
        return name, sent, (start, field), done, wanted

    def aside(name, frame, start, field, over, wanted):
        """Elsewhere: it writes these bytes, by the frame's last two."""
        at = len(frame) - 2 - (len(frame) - start) % 2
        sent, done = aimed(frame, start, field, int.from_bytes(over, "big"), at)
        return name, sent, (start, field), done, wanted

    there4, there6 = to_victim4(), to_victim6()
    yield usual("UDP", there4, 34, 40)
    yield usual("UDP over IPv6", there6, 54, 60)
    yield usual("UDP from the victim's IPv4 address", to_victim4(src=V4), 34, 40, "src_ipv4")
    yield aside("of a packet within UDP", there4, 42, 50, b"\x12\x34", PASS)
    yield aside("a port", there4, 34, 36, b"\0\7", PASS)
    own4, others4 = frames.packed(M4), frames.packed(V4)
    own6, others6 = frames.packed(M6), frames.packed(V6)
    yield aside("the victim's IPv4 address", there4, 20, 28, others4[2:], "src_ipv4")
    yield aside("its own IPv4 address", to_victim4(src="10.9.9.9"), 20, 28, own4[2:], PASS)
    yield aside("the victim's IPv6 address", there6, 20, 36, others6[14:], "src_ipv6")
    yield aside("its own IPv6 address", to_victim6(src="fd00:9::99"), 20, 36, own6[14:], PASS)
    announced = ether(V, M, ARP, arp(2, (M, M4), (V, V4))) + bytes(18)
    yield aside("ARP: the victim's IP address", announced, 20, 30, others4[2:], "arp_ip")
    yield aside("ARP: the victim's MAC address", announced, 20, 26, V[4:], "arp_mac")
    advertised = neighbour(NA, M6, frames.ALL_NODES, target=M6, mac=M, flags=0x20000000)
    yield aside("ND: the victim's address", advertised, 20, 76, others6[14:], "nd_target")


def host_received():
    """IP packets that the host itself has got."""
    with open("/proc/self/net/snmp", encoding="ascii") as f:
        names, numbers = (line.split() for line in f if line.startswith("Ip:"))
    return int(numbers[names.index("InReceives")])


class Trial:
    """The attacker, the victim, others who must not hear, and the wire."""

    def __init__(self):
        client = vpc.Vpc()
        self.attacker = Tap(client, "tapm", RED, M, (M4, M6), vnet=True)
        self.victim = Tap(client, "tapv", RED, V, (V4, V6))
        # The victim's namesake, of another tenant.
        self.other = Tap(client, "tapw", BLUE, V, (V4, V6))
        self.wire = wire.sniffer("eth0")

    def settle(self):
        for tap in (self.attacker, self.victim, self.other):
            tap.received()
        wire.sent(self.wire)

    def one(self, prefix, name, frame, wanted, sent=None, **more):
        """Sends a frame, or something else that becomes it, and judges what comes of it."""
        self.settle()
        before, host = self.attacker.counters(), host_received()
        self.attacker.send(sent or frame, **more)
        got = self.victim.received(0.5 if wanted == PASS else 0.005)
        back = self.attacker.received(0.5 if wanted == ANSWERED else 0)
        heard = self.other.received()
        rise = risen(before, self.attacker.counters())
        # By way of another device it may take a moment.
        for _ in range(20 * (not rise)):
            time.sleep(0.02)
            rise = rise or risen(before, self.attacker.counters())
        drops = {name: n for name, n in rise.items()
                 if name not in ("rx-packets", "tx-packets", "answered")}
        why = []
        if heard:
            why.append(f"the other tenant got {heard[0].hex()}")
        if wanted == PASS:
            if got != [frame]:
                why.append(f"the victim got {[g.hex() for g in got]}")
            if rise != {"rx-packets": 1}:
                why.append(f"counted {rise}")
        elif wanted == ANSWERED:
            if len(back) != 1 or got or rise.get("answered") != 1 or drops:
                why.append(f"{len(back)} answers, counted {rise}")
            elif V not in back[0] or back[0][:6] != M:
                why.append(f"the answer is {back[0].hex()}")
        elif wanted == HARMLESS:
            if drops:
                why.append(f"counted {rise}")
        else:
            if got or back:
                why.append(f"came through: {[g.hex() for g in got + back]}")
            if host_received() != host:
                why.append("the host itself got it")
            if list(drops.values()) != [1] if wanted == ANY_DROP else rise != {wanted: 1}:
                why.append(f"counted {rise}, not {wanted}")
            gone = [f for f in wire.sent(self.wire) if f[23:24] == b"\x2f"]
            if gone:
                why.append(f"on the wire: {gone[0].hex()}")
        result(f"{prefix}: {name}", why)

    def all(self, prefix, cases):
        for name, frame, wanted in cases:
            self.one(prefix, name, frame, wanted)

    def sums(self):
        """The host writes a checksum where the VM says so."""
        for name, sent, where, frame, wanted in summed():
            self.one("a checksum", name, frame, wanted, sent=sent, summed=where)
        long = to_victim4() + bytes(400)
        self.one("a checksum", "in segments, elsewhere", long, "bad_checksum", summed=(24, 40),
                 gso=(1, 100))

    def permitted(self, flag, name, cases):
        """With a flag the port may do just that."""
        self.attacker.become_port(f"flags={flag}")
        self.all(f"allowed {name}", cases)
        if flag != ANY_SOURCE:
            self.all(f"allowed {name}", [
                ("still not from another MAC address", to_victim4(src_mac=X), "src_mac"),
                ("still not from the victim's IPv4 address", to_victim4(src=V4), "src_ipv4")])
        self.attacker.become_port()

    def by_ifb(self):
        """tc sends what the VM sends to an ifb device, as it does to limit that; it comes back
        behind the ingress of the VM's own device."""
        ip("link", "add", "ifb-m", "type", "ifb")
        ip("link", "set", "ifb-m", "up")
        tc = ("tc", "filter", "add", "dev", self.attacker.name, "ingress", "matchall",
              "action", "mirred", "egress", "redirect", "dev", "ifb-m")
        subprocess.run(("tc", "qdisc", "add", "dev", self.attacker.name, "clsact"), check=True)
        subprocess.run(tc, check=True)
        self.all("by way of an ifb device: honest", honest())
        # What has no station's MAC address the bridge drops by itself, on this way.
        self.all("by way of an ifb device: forged",
                 [case for case in forged() if not case[1][6] & 1 and any(case[1][6:12])])
        subprocess.run(("tc", "qdisc", "del", "dev", self.attacker.name, "clsact"), check=True)
        ip("link", "del", "ifb-m")


def main():
    if len(sys.argv) != 1:
        raise SystemExit(__doc__)
    trial = Trial()
    trial.all("honest", honest())
    trial.all("forged", forged())
    trial.all("malformed", malformed())
    trial.all("reserved", reserved())
    trial.sums()
    trial.permitted(DHCP_SERVER, "to serve DHCP", forged_server(HARMLESS))
    trial.permitted(ROUTER, "to be a router", forged_router(HARMLESS, HARMLESS))
    trial.permitted(ANY_ETHERTYPE, "any EtherType", other_kinds(PASS))
    trial.permitted(ANY_SOURCE, "any source", [
        ("from another MAC address", to_victim4(src_mac=X), PASS),
        ("from another IPv4 address", to_victim4(src=X4), PASS),
        ("from another IPv6 address", to_victim6(src=X6), PASS),
        ("from its own IPv4 address with another MAC address", to_victim4(src_mac=X), PASS),
        *known()])
    trial.attacker.become_port(f"flags={VLAN}")
    trial.victim.become_port(f"flags={VLAN}")
    trial.all("allowed VLAN tags", tagged(HARMLESS))
    trial.one("allowed VLAN tags", "still not from the victim's IPv4 address",
              to_victim4(src=V4, tags=[(0x8100, 5)]), "src_ipv4")
    trial.attacker.become_port()
    trial.victim.become_port()
    # Without any addresses, from all.
    trial.attacker.become_port(addresses=())
    trial.all("no addresses", [
        ("from another IPv4 address", to_victim4(src=X4), PASS),
        ("from another IPv6 address", to_victim6(src=X6), PASS),
        ("from another MAC address", to_victim4(src_mac=X), "src_mac")])
    trial.attacker.become_port(addresses=("10.9.0.0/24", "fd00:9::/64"))
    trial.all("a network", [
        ("from an IPv4 address in it", to_victim4(src=X4), PASS),
        ("from an IPv6 address in it", to_victim6(src=X6), PASS),
        ("from an IPv4 address outside", to_victim4(src="10.9.1.1"), "src_ipv4"),
        ("from an IPv6 address outside", to_victim6(src="fd00:a::1"), "src_ipv6")])
    trial.attacker.become_port()
    trial.all("again", [("IPv4 from its own address", to_victim4(), PASS),
                        ("from another IPv4 address", to_victim4(src=X4), "src_ipv4")])
    trial.by_ifb()


if __name__ == "__main__":
    main()
