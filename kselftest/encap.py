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


def piece(packet, start, end, ident, more, tail=b""):
    """One fragment of an IP packet without options or extension headers: bytes
    start to end of what follows the header, and tail."""
    if packet[0] >> 4 == 4:
        src, dst = (socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16))
        return wire.ip(src, dst, packet[20:][start:end] + tail, packet[9],
                       packet[1], ident, more << 13 | start // 8)
    body = packet[40:][start:end] + tail
    # The fragment header: RFC 8200, 4.5.
    head = struct.pack("!BBHI", packet[6], 0, start & ~7 | more, ident)
    return (packet[:4] + struct.pack("!HB", 8 + len(body), 44) + packet[7:40] +
            head + body)


def fragments(packet, ident, *cuts):
    """The packet in fragments, cut at these places."""
    size = len(packet) - (20 if packet[0] >> 4 == 4 else 40)
    ends = [*cuts, size]
    return [piece(packet, start, end, ident, end < size)
            for start, end in zip([0, *cuts], ends)]


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

    def ours(self, frame):
        """Is a frame on the wire the tunnel's, or a fragment of such a one?
        Others are neighbour discovery's and the like."""
        proto = frame[14 + (6 if self.v6 else 9):][:1]
        return (frame[12:14] == self.ethertype and
                proto in (bytes([UDP if self.udp else GRE]), b"\x2c"))

    def unwrap(self, packet, final=False):
        """The GRE packet in a packet on the wire, b"" in a fragment; ValueError
        says what is wrong with the headers around it. final: no checksum is
        left to hardware."""
        if self.v6:
            size, proto = struct.unpack_from("!HB", packet, 4)
            src, dst, body = packet[8:24], packet[24:40], packet[40:]
            sound = packet[0] >> 4 == 6 and size == len(body)
            fragment = proto == 44
        else:
            size, = struct.unpack_from("!H", packet, 2)
            proto, src, dst, body = packet[9], packet[12:16], packet[16:20], packet[20:]
            sound = packet[0] == 0x45 and size == len(packet) and not wire.csum(packet[:20])
            fragment = struct.unpack_from("!H", packet, 6)[0] & 0x3fff
        family = socket.AF_INET6 if self.v6 else socket.AF_INET
        here, there = (socket.inet_pton(family, end) for end in self.ends)
        if not sound or (src, dst) not in ((here, there), (there, here)):
            raise ValueError("the outer IP header is not sound")
        if fragment:
            return b""
        if self.udp:
            size, check = struct.unpack_from("!HH", body, 4)
            pseudo = src + dst + struct.pack("!II", len(body), UDP)
            if size != len(body) or final and check and wire.csum(pseudo + body):
                raise ValueError("the UDP header is not sound")
            body = body[8:]
        return body

    def error(self, quote, mtu, kind=None, code=None, src=None, bad_csum=False):
        """An ICMP packet to the receiver that quotes a packet of its own; as
        such a router's "fragmentation needed" or "packet too big"."""
        src, dst = src or self.ends[0], self.ends[1]
        kind = (2 if self.v6 else 3) if kind is None else kind
        code = (0 if self.v6 else 4) if code is None else code
        body = struct.pack("!BBHI", kind, code, 0, mtu) + quote
        pseudo = b""
        if self.v6:
            pseudo = (socket.inet_pton(socket.AF_INET6, src) +
                      socket.inet_pton(socket.AF_INET6, dst) +
                      struct.pack("!II", len(body), ICMP6))
        check = wire.csum(pseudo + body) ^ (0x5555 if bad_csum else 0)
        body = body[:2] + struct.pack("!H", check) + body[4:]
        return self.outer(body, src, dst, proto=ICMP6 if self.v6 else ICMP)
