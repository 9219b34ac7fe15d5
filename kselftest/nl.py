#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Speaks rtnetlink with any bytes, also such as no well-behaved tool sends.

usage: nl.py newlink|change NAME KIND [KEY=TYPE:VALUE]...

KEY is the name of an IFLA_GRE_ attribute in lower case, or a number; TYPE is
u8, u16, u32, be16, be32, ip, ip6, flag, str, or hex. Keys that begin with "link."
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
IFLA_NET_NS_FD, VETH_INFO_PEER = 28, 1
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS = 1, 2
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
    if kind == "str":
        return v.encode() + b"\0"
    if kind == "hex":
        return bytes.fromhex(v)
    raise SystemExit(f"nl.py: unknown type in {text}")


class NetlinkError(Exception):
    """What the kernel answered: an errno, its text if it had one, and the type
    of the attribute that it is about, or None."""

    def __init__(self, code, text, attribute=None):
        self.name = errno.errorcode.get(code, str(code))
        self.text = text
        self.attribute = attribute
        super().__init__(f"{self.name}: {text}")


class Netlink:
    """A netlink socket of the namespace that it is made in."""

    def __init__(self, protocol):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.bind((0, 0))
        self.seq = 0

    def ask(self, kind, flags, body):
        """Sends a request; returns the bodies of all answers."""
        self.seq += 1
        request = struct.pack("=IHHII", 16 + len(body), kind,
                              flags | NLM_F_REQUEST | NLM_F_ACK, self.seq, 0) + body
        self.sock.send(request)
        answers = []
        while True:
            data, at = self.sock.recv(1 << 17), 0
            while at + 16 <= len(data):
                size, kind, flags, seq, _ = struct.unpack_from("=IHHII", data, at)
                message = data[at:at + size]
                at += size + 3 & ~3
                if seq != self.seq:
                    continue
                if kind not in (NLMSG_ERROR, NLMSG_DONE):
                    answers.append(message[16:])
                    continue
                code = -struct.unpack_from("=i", message, 16)[0]
                if code:
                    raise self.refusal(code, message, flags, request)
                return answers

    @staticmethod
    def refusal(code, message, flags, request):
        """The exception for an error message."""
        text, attribute = "", None
        # Behind the error, or the end of a dump, which quotes no request.
        at = 20
        if struct.unpack_from("=H", message, 4)[0] == NLMSG_ERROR:
            at += 16 if flags & NLM_F_CAPPED else struct.unpack_from("=I", message, 20)[0]
        while flags & NLM_F_ACK_TLVS and at + 4 <= len(message):
            size, kind = struct.unpack_from("=HH", message, at)
            if kind == NLMSGERR_ATTR_MSG:
                text = message[at + 4:at + size].rstrip(b"\0").decode()
            elif kind == NLMSGERR_ATTR_OFFS:
                where = struct.unpack_from("=I", message, at + 4)[0]
                attribute = struct.unpack_from("=H", request, where + 2)[0]
            at += max(size + 3 & ~3, 4)
        return NetlinkError(code, text, attribute)


class Rtnl(Netlink):
    """A route netlink socket."""

    def __init__(self):
        super().__init__(0)

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
