# SPDX-License-Identifier: GPL-2.0
"""Ways to hand a frame to the stack, by how its bytes lie in the sk_buff."""

import fcntl
import os
import struct

import wire

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
    CUTS = ((8,), (8, 8), (16,), (8, 16, 8), (24, 8))

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
        if packet[0] == 0x45:
            size, most = struct.unpack_from("!H", packet, 2)[0], 20 + sum(cuts)
            # A packet that lies about itself goes as it is.
            if size != len(packet) or size <= most or wire.csum(packet[:20]):
                return [packet]
            named = packet[:4] + struct.pack("!H", self.serial) + packet[6:]
            return wire.fragments(named, *cuts)
        if packet[0] >> 4 == 6:
            size = struct.unpack_from("!H", packet, 4)[0]
            if size != len(packet) - 40 or size <= sum(cuts):
                return [packet]
            return self.cut6(packet, cuts)
        return [packet]

    def cut6(self, packet, cuts):
        """The same with IPv6 fragment headers (RFC 8200, 4.5)."""
        body, out, at = packet[40:], [], 0
        cuts = (*cuts, len(body) - sum(cuts))
        for i, size in enumerate(cuts):
            more = i < len(cuts) - 1
            frag = struct.pack("!BBHI", packet[6], 0, at | more, self.serial)
            part = frag + body[at:at + size]
            out.append(packet[:4] + struct.pack("!HB", len(part), 44) +
                       packet[7:40] + part)
            at += size
        return out


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
