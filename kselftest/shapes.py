# SPDX-License-Identifier: GPL-2.0
"""Ways to hand a frame to the stack, by how its bytes lie in the sk_buff."""

import fcntl
import os
import struct

import wire
from encap import fragments

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NAPI, IFF_NAPI_FRAGS, IFF_NO_PI = 2, 0x10, 0x20, 0x1000


class Linear(wire.Linear):
    """In one piece."""
    THERE = False


class Paged(wire.Paged):
    """All but the Ethernet header in page fragments."""
    THERE = False


class Reassembled(wire.Linear):
    """The outer packet in IP fragments, which the receiver joins to a list of
    sk_buffs; the cuts go through the GRE header and the inner ones."""
    THERE = False
    CUTS = ((8,), (8, 16), (16,), (8, 24, 32), (24, 32))

    def __init__(self, dev):
        super().__init__(dev)
        self.serial = 0

    def send(self, frame):
        head, packet = frame[:14], frame[14:]
        for part in self.cut(packet):
            self.sock.send(head + part)

    def cut(self, packet):
        self.serial += 1
        cuts = self.CUTS[self.serial % len(self.CUTS)]
        if len(packet) < 40:
            return [packet]
        # A packet that lies about itself goes as it is.
        if packet[0] == 0x45:
            body, says = len(packet) - 20, struct.unpack_from("!H", packet, 2)[0] - 20
            says = 0 if wire.csum(packet[:20]) else says
        elif packet[0] >> 4 == 6:
            body, says = len(packet) - 40, struct.unpack_from("!H", packet, 4)[0]
        else:
            return [packet]
        if body != says or body <= cuts[-1]:
            return [packet]
        return fragments(packet, self.serial, *cuts)


class Driver:
    """By a tap that plays a NIC with page fragments (IFF_NAPI_FRAGS): through
    GRO, the pieces cut as one likes. The tap stands where the tunnels are."""
    THERE = True

    def __init__(self, dev):
        self.fd = os.open("/dev/net/tun", os.O_RDWR)
        flags = IFF_TAP | IFF_NO_PI | IFF_NAPI | IFF_NAPI_FRAGS
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", dev.encode(), flags))
        self.serial = 0

    def send(self, frame):
        self.serial += 1
        # The first piece is copied; the others become fragments.
        step = 1 + self.serial % 61
        step = max(step, (len(frame) - 14 + 15) // 16)
        pieces = [frame[:14]]
        pieces += [frame[at:at + step] for at in range(14, len(frame), step)]
        os.writev(self.fd, pieces)


SHAPES = {"linear": Linear, "paged": Paged, "list": Reassembled, "driver": Driver}
