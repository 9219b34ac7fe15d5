# SPDX-License-Identifier: GPL-2.0
"""Generic netlink: families by name, their requests and attributes."""

import struct
import sys

import nl

GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
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

    def request(self, command, body=b"", flags=0):
        """Asks for a command, by number; returns the answers' attributes."""
        answers = self.ask(self.family, flags, struct.pack("=BBH", command, 1, 0) + body)
        return [answer[4:] for answer in answers]
