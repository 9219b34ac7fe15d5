# SPDX-License-Identifier: GPL-2.0
"""Packets as bytes, and raw sockets in a given namespace: for the tests."""

import mmap
import os
import socket
import struct
import subprocess

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_TX_RING = 13
PACKET_OUTGOING = 4
TEB = 0x6558


def csum(data, start=0):
    """The Internet checksum of data."""
    # One long number: 2^16 is 1 modulo 2^16 - 1, so it is what its words sum
    # up to; only nothing but zeros sums up to zero.
    number = start + int.from_bytes(data + b"\0" * (len(data) % 2), "big")
    return ~(number and number % 0xffff or 0xffff * bool(number)) & 0xffff


def ip(src, dst, payload, proto=47, tos=0, ident=1, flags=0x4000, ttl=64,
       options=b"", total=None, bad_csum=False):
    """An IPv4 packet. flags: the 16 bits of DF, MF and offset."""
    ihl = 5 + len(options) // 4
    total = 4 * ihl + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, tos, total, ident, flags,
                       ttl, proto, 0, socket.inet_aton(src),
                       socket.inet_aton(dst)) + options
    c = csum(head) ^ (0x5555 if bad_csum else 0)
    return head[:10] + struct.pack("!H", c) + head[12:] + payload


def gre(payload, key=None, check=None, seq=None, proto=TEB, extra=0):
    """A GRE packet. check: "good", "bad" or None; extra: more flag bits."""
    flags = extra | (0x8000 if check else 0) | (0x2000 if key is not None else 0)
    flags |= 0x1000 if seq is not None else 0
    head = struct.pack("!HH", flags, proto)
    tail = b"" if key is None else struct.pack("!I", key)
    tail += b"" if seq is None else struct.pack("!I", seq)
    if check:
        c = csum(head + b"\0\0\0\0" + tail + payload)
        if check == "bad":
            c ^= 0x0101
        tail = struct.pack("!HH", c, 0) + tail
    return head + tail + payload


def fragments(packet, *sizes):
    """Cuts an IPv4 packet (no options) after sizes bytes of payload each."""
    body, out, at = packet[20:], [], 0
    src, dst = (socket.inet_ntoa(packet[i:i + 4]) for i in (12, 16))
    ident = struct.unpack_from("!H", packet, 4)[0]
    cuts = [*sizes, len(body) - sum(sizes)]
    for i, size in enumerate(cuts):
        more = 0x2000 if i < len(cuts) - 1 else 0
        out.append(ip(src, dst, body[at:at + size], packet[9], packet[1],
                      ident, more | at // 8))
        at += size
    return out


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def enter(ns):
    """This process goes to a namespace that `ip netns` made."""
    with open(f"/run/netns/{ns}", "rb") as f:
        os.setns(f.fileno(), os.CLONE_NEWNET)


def address(dev):
    """The MAC of a device of the current namespace, as text."""
    out = subprocess.check_output(["ip", "-br", "link", "show", dev], text=True)
    return out.split()[2]


def counters(dev):
    """ethtool -S as a dict, with rx_packets and the like of the device."""
    out = subprocess.run(["ethtool", "-S", dev], text=True, check=False,
                         capture_output=True).stdout
    found = {}
    for line in out.splitlines():
        name, _, number = line.strip().rpartition(": ")
        if number.isdigit():
            found[name] = int(number)
    return found


def sniffer(dev):
    """A socket that gets what dev receives."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                      socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    s.bind((dev, ETH_P_ALL))
    s.setblocking(False)
    return s


def received(sock):
    """What a sniffer has got since, frames that dev itself sent apart."""
    frames = []
    while True:
        try:
            data, where = sock.recvfrom(1 << 17)
        except BlockingIOError:
            return frames
        if where[2] != PACKET_OUTGOING:
            frames.append(data)


def sent(sock):
    """What the device of a sniffer has sent since."""
    frames = []
    while True:
        try:
            data, where = sock.recvfrom(1 << 17)
        except BlockingIOError:
            return frames
        if where[2] == PACKET_OUTGOING:
            frames.append(data)


class Linear:
    """Sends frames whose bytes lie in one piece."""

    def __init__(self, dev):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.bind((dev, 0))

    def send(self, frame):
        self.sock.send(frame)


class Paged:
    """Sends frames of which only the Ethernet header lies in the linear part
    of the sk_buff: the rest is in page fragments, as drivers make them."""

    SIZE, COUNT, DATA = 4096, 8, 32
    SEND_REQUEST, AVAILABLE = 1, 0

    def __init__(self, dev):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack(
            "=IIII", self.SIZE, self.COUNT, self.SIZE, self.COUNT))
        self.ring = mmap.mmap(self.sock.fileno(), self.SIZE * self.COUNT)
        self.sock.bind((dev, 0))
        self.slot = 0

    def send(self, frame):
        at = self.slot * self.SIZE
        self.slot = (self.slot + 1) % self.COUNT
        self.ring[at + self.DATA:at + self.DATA + len(frame)] = frame
        self.ring[at:at + 16] = struct.pack(
            "=QII", self.SEND_REQUEST, len(frame), len(frame))
        self.sock.send(b"")
