# SPDX-License-Identifier: GPL-2.0
"""Generic netlink: families by name, their requests and attributes."""

import select
import struct
import sys

import nl

GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_MCAST_GROUPS = 1, 2, 7
CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID = 1, 2
NETLINK_ADD_MEMBERSHIP = 1
NLM_F_REPLACE, NLM_F_DUMP = 0x100, 0x300


def attributes(data):
    """Yields type and content of each."""
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3fff, data[at + 4:at + size]
        at += max(size + 3 & ~3, 4)


class Family(nl.Netlink):
    """A socket that speaks with a family."""

    def __init__(self, name):
        super().__init__(16)
        answer, = self.ask(GENL_ID_CTRL, 0, struct.pack("=BBH", CTRL_CMD_GETFAMILY, 1, 0) +
                           nl.attr(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0"))
        found = dict(attributes(answer[4:]))
        self.family = int.from_bytes(found[CTRL_ATTR_FAMILY_ID], sys.byteorder)
        groups = (dict(attributes(group)) for _, group in
                  attributes(found.get(CTRL_ATTR_MCAST_GROUPS, b"")))
        self.groups = {group[CTRL_ATTR_MCAST_GRP_NAME].rstrip(b"\0").decode():
                       int.from_bytes(group[CTRL_ATTR_MCAST_GRP_ID], sys.byteorder)
                       for group in groups}

    def request(self, command, body=b"", flags=0):
        """Asks for a command, by number; returns the answers' attributes."""
        answers = self.ask(self.family, flags, struct.pack("=BBH", command, 1, 0) + body)
        return [answer[4:] for answer in answers]

    def join(self, group):
        """Listens to a multicast group; see heard()."""
        self.sock.setsockopt(nl.SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.groups[group])

    def heard(self, wait=0):
        """What has been told: for each message the flags, number and port of its header, the
        command, and the attributes. The first is waited for so many seconds."""
        found = []
        while select.select([self.sock], [], [], 0 if found else wait)[0]:
            data = self.sock.recv(1 << 17)
            size, kind, flags, seq, port = struct.unpack_from("=IHHII", data)
            if kind == self.family:
                found.append(((flags, seq, port), data[16], data[20:size]))
        return found

    def pour(self, command, bodies):
        """Makes many requests without waiting; nobody hears of those that are refused."""
        pending = b""
        for body in bodies:
            message = struct.pack("=IHHIIBBH", 20 + len(body), self.family, nl.NLM_F_REQUEST,
                                  0, 0, command, 1, 0) + body
            if len(pending) + len(message) > 1 << 16:
                self.sock.send(pending)
                pending = b""
            pending += message + bytes(-len(message) % 4)
        self.sock.send(pending)
