#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Speaks rtnetlink with any bytes, also such as no well-behaved tool sends.

usage: nl.py newlink|change NAME KIND [KEY=TYPE:VALUE]...

KEY is the name of an IFLA_GRE_ attribute in lower case, or a number; TYPE is
u8, u16, u32, be16, be32, ip, ip6, flag, or hex. Keys that begin with "link."
(numtx, numrx, mtu, link_netnsid) go to the link itself. "nodata=1" leaves the
options' nest out. Prints "ok", or the error's name and what the kernel said
about it, and then exits with 1.
"""

import errno
import socket
import struct
import sys

RTM_NEWLINK = 16
RTM_DELLINK = 17
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 1, 4, 0x200, 0x400
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO = 1, 3, 4, 18
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
NLMSG_ERROR = 2
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
IFF_UP = 1

LINK = {"numtx": 31, "numrx": 32, "mtu": 4, "link_netnsid": 37, "txqlen": 13}
GRE = ("unspec link iflags oflags ikey okey local remote ttl tos pmtudisc "
       "encap_limit flowinfo flags encap_type encap_flags encap_sport "
       "encap_dport collect_metadata ignore_df fwmark erspan_index "
       "erspan_ver erspan_dir erspan_hwid").split()


def attr(kind, data):
    body = struct.pack("=HH", len(data) + 4, kind) + data
    return body + b"\0" * (-len(body) % 4)


def value(text):
    kind, _, v = text.partition(":")
    packs = {"u8": "=B", "u16": "=H", "u32": "=I", "be16": "!H", "be32": "!I"}
    if kind in packs:
        return struct.pack(packs[kind], int(v, 0))
    if kind == "ip":
        return socket.inet_pton(socket.AF_INET, v)
    if kind == "ip6":
        return socket.inet_pton(socket.AF_INET6, v)
    if kind == "flag":
        return b""
    if kind == "hex":
        return bytes.fromhex(v)
    raise SystemExit(f"nl.py: unknown type in {text}")


class NetlinkError(Exception):
    """What the kernel answered: an errno, and its text if it had one."""

    def __init__(self, code, text):
        self.name = errno.errorcode.get(code, str(code))
        self.text = text
        super().__init__(f"{self.name}: {text}")


class Rtnl:
    """A route netlink socket of the namespace that it is made in."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0

    def ask(self, kind, flags, body):
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), kind,
                                   flags | NLM_F_REQUEST | NLM_F_ACK,
                                   self.seq, 0) + body)
        while True:
            data = self.sock.recv(65536)
            _, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
            if seq == self.seq and kind == NLMSG_ERROR:
                break
        code = -struct.unpack_from("=i", data, 16)[0]
        if code:
            raise NetlinkError(code, self.ext_ack(data, flags))

    @staticmethod
    def ext_ack(data, flags):
        if not flags & NLM_F_ACK_TLVS:
            return ""
        at = 20 + 16
        if not flags & NLM_F_CAPPED:
            at = 20 + struct.unpack_from("=I", data, 20)[0]
        while at + 4 <= len(data):
            size, kind = struct.unpack_from("=HH", data, at)
            if kind == 1:
                return data[at + 4:at + size].rstrip(b"\0").decode()
            at += max(size + 3 & ~3, 4)
        return ""

    @staticmethod
    def link(index=0, flags=0, change=0):
        return struct.pack("=BxHiII", 0, 0, index, flags, change)

    def new_link(self, name, kind, data=b"", link=b"", create=True):
        info = attr(IFLA_INFO_KIND, kind.encode())
        if data is not None:
            info += attr(IFLA_INFO_DATA, data)
        flags = NLM_F_CREATE | NLM_F_EXCL if create else 0
        self.ask(RTM_NEWLINK, flags, self.link() +
                 attr(IFLA_IFNAME, name.encode() + b"\0") + link +
                 attr(IFLA_LINKINFO, info))

    def set_up(self, index, up):
        self.ask(RTM_NEWLINK, 0, self.link(index, IFF_UP * up, IFF_UP))

    def del_link(self, index):
        self.ask(RTM_DELLINK, 0, self.link(index))


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("newlink", "change"):
        raise SystemExit(__doc__)
    _, verb, name, kind, *words = sys.argv
    data, link = b"", b""
    for word in words:
        key, _, val = word.partition("=")
        if key == "nodata":
            data = None
        elif key.startswith("link."):
            link += attr(LINK[key[5:]], value(val))
        else:
            number = int(key) if key.isdigit() else GRE.index(key)
            data += attr(number, value(val))
    try:
        Rtnl().new_link(name, kind, data, link, verb == "newlink")
    except NetlinkError as e:
        raise SystemExit(str(e))
    print("ok")


if __name__ == "__main__":
    main()
