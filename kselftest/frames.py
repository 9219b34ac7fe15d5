# SPDX-License-Identifier: GPL-2.0
"""Frames that VMs send, as bytes: Ethernet, ARP, UDP, neighbour discovery, DHCP."""

import ipaddress
import struct

import wire

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86dd
BROADCAST = b"\xff" * 6
ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
ICMP6, UDP, FRAGMENT = 58, 17, 44
RS, RA, NS, NA, REDIRECT = 133, 134, 135, 136, 137


def packed(address):
    return ipaddress.ip_address(address).packed


def group_mac(address):
    """The MAC address of an IPv6 multicast group."""
    return b"\x33\x33" + packed(address)[12:]


def solicited(address):
    """The group that is asked for an address."""
    return str(ipaddress.ip_address(packed("ff02::1:ff00:0")[:13] + packed(address)[13:]))


def link_local(mac):
    """The link-local address of a MAC address (RFC 4291, appendix A)."""
    return str(ipaddress.ip_address(
        b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]))


def ether(dst, src, kind, payload, tags=()):
    """A frame; tags are pairs of EtherType and VLAN."""
    tagged = b"".join(struct.pack("!HH", *tag) for tag in tags)
    return dst + src + tagged + struct.pack("!H", kind) + payload


def arp(operation, sender, target, lengths=(6, 4)):
    """An ARP packet; sender and target are a MAC and an IPv4 address each."""
    return (struct.pack("!HHBBH", 1, IPV4, *lengths, operation) +
            sender[0] + packed(sender[1]) + target[0] + packed(target[1]))


def udp(src, dst, ports=(1000, 9), payload=bytes(26)):
    """A UDP datagram with its checksum, for either version of IP."""
    body = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    pseudo = packed(src) + packed(dst) + struct.pack("!IHH", len(body), 0, UDP)
    return body[:6] + struct.pack("!H", wire.csum(pseudo + body) or 0xffff) + body[8:]


def ip4(src, dst, payload, proto=UDP, **more):
    return wire.ip(src, dst, payload, proto, **more)


def ip6(src, dst, payload, proto=UDP, hops=64, extensions=()):
    """An IPv6 packet; extensions are pairs of their type and bytes behind the type of the next."""
    kinds = [kind for kind, _ in extensions] + [proto]
    chain = b"".join(bytes([following]) + rest
                     for following, (_, rest) in zip(kinds[1:], extensions))
    return (struct.pack("!IHBB", 0x60000000, len(chain) + len(payload), kinds[0], hops) +
            packed(src) + packed(dst) + chain + payload)


def padding():
    """Hop-by-hop or destination options without meaning, from their length on."""
    return b"\0\1\4\0\0\0\0"


def icmp6(src, dst, kind, body, code=0):
    """An ICMPv6 message with its checksum."""
    head = struct.pack("!BBH", kind, code, 0)
    pseudo = packed(src) + packed(dst) + struct.pack("!IHH", 4 + len(body), 0, ICMP6)
    return head[:2] + struct.pack("!H", wire.csum(pseudo + head + body)) + body


def nd(src, dst, kind, target="", mac=b"", flags=0, hops=255, extensions=(), option=None):
    """Neighbour discovery: a message with its target, and with an address as its option."""
    option = option or (2 if kind == NA else 1)
    body = struct.pack("!I", flags) + (packed(target) if target else b"")
    if kind == RA:
        body += bytes(8)
    if kind == REDIRECT:
        body += packed(target)
    if mac:
        body += bytes([option, 1]) + mac
    return ip6(src, dst, icmp6(src, dst, kind, body), ICMP6, hops, extensions)


def dhcp(mac, reply=False):
    """A DHCP message: discover, or an offer."""
    options = b"\x63\x82\x53\x63\x35\1" + bytes([2 if reply else 1]) + b"\xff"
    return (bytes([2 if reply else 1, 1, 6, 0]) + bytes(24) + mac + bytes(202) + options)
