# SPDX-License-Identifier: GPL-2.0
"""A packet socket that gives frames as they were on the wire."""

import socket
import struct

import wire

PACKET_AUXDATA = 8
STATUS_VLAN, STATUS_TPID = 1 << 4, 1 << 6


class Sniffer:
    """Listens to a device. sent: to what it sends, too."""

    def __init__(self, dev, sent=False):
        self.sent = sent
        self.sock = wire.sniffer(dev)
        self.sock.setsockopt(wire.SOL_PACKET, PACKET_AUXDATA, 1)

    def frames(self):
        """What came since; the stack puts a VLAN tag aside, here it is back."""
        found = []
        while True:
            try:
                data, extra, _, where = self.sock.recvmsg(1 << 17, 64)
            except BlockingIOError:
                return found
            if where[2] == wire.PACKET_OUTGOING and not self.sent:
                continue
            for level, kind, aux in extra:
                if (level, kind) != (wire.SOL_PACKET, PACKET_AUXDATA):
                    continue
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", aux)
                if status & STATUS_VLAN:
                    tpid = tpid if status & STATUS_TPID else 0x8100
                    data = (data[:12] + struct.pack("!HH", tpid, tci) + data[12:])
            found.append(data)
