# SPDX-License-Identifier: GPL-2.0
"""The ways a GRE packet travels between two ends, as bytes: plain GRE and
GRE-in-UDP (RFC 8086), over IPv4 and IPv6. badpkt.sh makes the devices."""

import socket
import struct

import wire

GRE, UDP, ICMP, ICMP6 = 47, 17, 1, 58
GRE_IN_UDP = 4754
A4, B4 = "10.1.0.1", "10.1.0.2"
A6, B6 = "fd01::1", "fd01::2"


def ip6(src, dst, payload, proto=GRE, tos=0, ttl=64, total=None, label=0):
    """An IPv6 packet. total: as for IPv4, what the header says of its size."""
    size = len(payload) if total is None else total - 40
    head = struct.pack("!IHBB", 6 << 28 | tos << 20 | label, size, proto, ttl)
    return (head + socket.inet_pton(socket.AF_INET6, src) +
            socket.inet_pton(socket.AF_INET6, dst) + payload)


def udp(payload, sport=49152, dport=GRE_IN_UDP, size=None, check=0):
    """A UDP packet, with a checksum as given (0: none)."""
    size = 8 + len(payload) if size is None else size
    return struct.pack("!HHHH", sport, dport, size & 0xffff, check) + payload


class Encap:
    """One of them."""

    def __init__(self, name):
        assert name in ("gre4", "gre6", "udp4", "udp6"), name
        self.name = name
        self.v6 = name.endswith("6")
        self.udp = name.startswith("udp")
        self.ethertype = b"\x86\xdd" if self.v6 else b"\x08\0"
        self.ends = (A6, B6) if self.v6 else (A4, B4)
        # What stands in front of the GRE header.
        self.overhead = (40 if self.v6 else 20) + (8 if self.udp else 0)

    def wrap(self, gre, src=None, dst=None, **fields):
        """The whole packet. fields: those of wire.ip or ip6, and proto."""
        if self.udp:
            gre = udp(gre)
            if self.v6:
                gre = self.checked(gre, src, dst)
        return self.outer(gre, src, dst, **fields)

    def outer(self, payload, src=None, dst=None, **fields):
        """An IP packet with whatever follows the header."""
        src, dst = src or self.ends[0], dst or self.ends[1]
        fields.setdefault("proto", UDP if self.udp else GRE)
        return (ip6 if self.v6 else wire.ip)(src, dst, payload, **fields)

    def checked(self, packet, src=None, dst=None):
        """A UDP packet with its checksum filled in (RFC 768, RFC 8200)."""
        src, dst = src or self.ends[0], dst or self.ends[1]
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        pseudo = (socket.inet_pton(family, src) + socket.inet_pton(family, dst) +
                  struct.pack("!II", len(packet), UDP))
        check = wire.csum(pseudo + packet) or 0xffff
        return packet[:6] + struct.pack("!H", check) + packet[8:]
