# SPDX-License-Identifier: GPL-2.0
"""Taps with several queues, as a VM has them open."""

import fcntl
import os
import struct

from lib import bpf
from lib.shell import run

TUNSETIFF, TUNSETSTEERINGEBPF = 0x400454CA, 0x800454E0
IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI = 0x2, 0x100, 0x1000


class Tap:
    """A tap whose queues are ours; it takes packets from its rings when told to."""

    def __init__(self, dev, queues):
        self.dev = dev
        self.fds = []
        try:
            for _ in range(queues):
                fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                self.fds.append(fd)
                flags = IFF_TAP | IFF_MULTI_QUEUE | IFF_NO_PI
                fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", dev.encode(), flags))
            # As libvirt has it: the VM's rings are queues enough.
            run(f"tc qdisc replace dev {dev} root noqueue")
        except BaseException:
            self.close()
            raise

    def up(self, room):
        """Sets it up with room for so many packets in each ring."""
        run(f"ip link set {self.dev} txqueuelen {room} up")

    def steer(self, queue):
        """Gives it a steering program that always selects the same queue."""
        program = bpf.constant(bpf.TYPE_SOCKET_FILTER, queue)
        fcntl.ioctl(self.fds[0], TUNSETSTEERINGEBPF, struct.pack("=i", program))
        os.close(program)

    def take(self, most=None):
        """Takes what is in the rings; the number of packets from each."""
        return [self._take(fd, most) for fd in self.fds]

    @staticmethod
    def _take(fd, most):
        count = 0
        try:
            while most is None or count < most:
                os.read(fd, 2048)
                count += 1
        except BlockingIOError:
            pass
        return count

    def discard(self, room):
        """Empties the rings at once: tun drops what has no room in smaller ones."""
        run(f"ip link set {self.dev} txqueuelen 1")
        self.take()
        run(f"ip link set {self.dev} txqueuelen {room}")

    def send(self, queue, frames):
        """Sends frames as the VM would, on one of its queues."""
        fd = self.fds[queue]
        for frame in frames:
            os.write(fd, frame)

    def close(self):
        while self.fds:
            os.close(self.fds.pop())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
