# SPDX-License-Identifier: GPL-2.0
"""Frames, made by hand."""

import socket
import struct


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """The Internet checksum of data."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(dst, src, payload, kind=0x0800):
    return mac(dst) + mac(src) + struct.pack("!H", kind) + payload


def ipv4(src, dst, protocol, payload, dont_fragment=True):
    def header(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0,
                           0x4000 if dont_fragment else 0, 64, protocol, check,
                           socket.inet_aton(src), socket.inet_aton(dst))
    return header(checksum(header(0))) + payload


def udp(src_port, dst_port, payload):
    """Without a checksum."""
    return struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0) + payload


def gre(key, frame):
    """An Ethernet frame in GRE with a key."""
    return struct.pack("!HHI", 0x2000, 0x6558, key) + frame


def tcp_partial(src, dst, payload):
    """TCP whose checksum is left to the device: the pseudo header's sum stands in it."""
    length = 20 + len(payload)
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, length)
    return struct.pack("!HHIIBBHHH", 5001, 5001, 1, 1, 0x50, 0x10, 65535,
                       ~checksum(pseudo) & 0xFFFF, 0) + payload
