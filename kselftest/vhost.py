# SPDX-License-Identifier: GPL-2.0
"""A tap driven through vhost-net, as a hypervisor does it: for the tests.

The rings lie in memory of this process, which the kernel is told to be the
memory of the guest. What is put into a ring at once the kernel takes at once,
in batches, so that packets go another way than those written to the tap.
"""

import ctypes
import fcntl
import mmap
import os
import struct
import time

TUNSETIFF, TUNSETVNETHDRSZ = 0x400454ca, 0x400454d8
IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE, IFF_VNET_HDR = 2, 0x1000, 0x100, 0x4000

SET_OWNER, SET_FEATURES, SET_MEM_TABLE = 0xaf01, 0x4008af00, 0x4008af03
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE = 0x4008af10, 0x4028af11, 0x4008af12
SET_VRING_KICK, SET_VRING_CALL, SET_BACKEND = 0x4008af20, 0x4008af21, 0x4008af30
MERGED_BUFFERS, VERSION_1 = 1 << 15, 1 << 32

SIZE = 256
ROOM = 2048
HEADER = 12
WRITE = 2


class Ring:
    """One virtqueue, whose buffers have their places for good."""

    def __init__(self, vhost, index, memory, at):
        self.memory, self.base = memory, ctypes.addressof(
            ctypes.c_char.from_buffer(memory))
        self.desc, self.avail, self.used = at, at + 4096, at + 8192
        self.data = at + 12288
        self.put = self.got = 0
        self.kick, self.call = os.eventfd(0), os.eventfd(0)
        state = struct.pack("=II", index, SIZE)
        fcntl.ioctl(vhost, SET_VRING_NUM, state)
        fcntl.ioctl(vhost, SET_VRING_BASE, struct.pack("=II", index, 0))
        fcntl.ioctl(vhost, SET_VRING_ADDR, struct.pack(
            "=IIQQQQ", index, 0, self.base + self.desc, self.base + self.used,
            self.base + self.avail, 0))
        fcntl.ioctl(vhost, SET_VRING_KICK, struct.pack("=Ii", index, self.kick))
        fcntl.ioctl(vhost, SET_VRING_CALL, struct.pack("=Ii", index, self.call))

    @staticmethod
    def length():
        return 12288 + SIZE * ROOM

    def place(self, slot):
        return self.data + slot * ROOM

    def offer(self, length, flags):
        """Hands the next buffer over; the device looks after show()."""
        slot = self.put % SIZE
        struct.pack_into("<QIHH", self.memory, self.desc + 16 * slot,
                         self.base + self.place(slot), length, flags, 0)
        struct.pack_into("<H", self.memory, self.avail + 4 + 2 * slot, slot)
        self.put += 1

    def show(self):
        struct.pack_into("<H", self.memory, self.avail + 2, self.put & 0xffff)
        os.eventfd_write(self.kick, 1)

    def done(self):
        """How many buffers came back since the last call."""
        seen, = struct.unpack_from("<H", self.memory, self.used + 2)
        new = seen - self.got & 0xffff
        self.got += new
        return new


class Queue:
    """A pair of rings and its queue of the tap."""

    def __init__(self, tap):
        self.tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack(
            "16sH22x", tap.encode(),
            IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR))
        fcntl.ioctl(self.tap, TUNSETVNETHDRSZ, struct.pack("=i", HEADER))
        self.vhost = os.open("/dev/vhost-net", os.O_RDWR)
        fcntl.ioctl(self.vhost, SET_OWNER)
        fcntl.ioctl(self.vhost, SET_FEATURES,
                    struct.pack("=Q", MERGED_BUFFERS | VERSION_1))
        memory = mmap.mmap(-1, 2 * Ring.length())
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        fcntl.ioctl(self.vhost, SET_MEM_TABLE, struct.pack(
            "=IIQQQQ", 1, 0, start, len(memory), start, 0))
        self.rx = Ring(self.vhost, 0, memory, 0)
        self.tx = Ring(self.vhost, 1, memory, Ring.length())
        for index in range(2):
            fcntl.ioctl(self.vhost, SET_BACKEND,
                        struct.pack("=Ii", index, self.tap))
        self.refill(SIZE)

    def refill(self, count):
        for _ in range(count):
            self.rx.offer(ROOM, WRITE)
        self.rx.show()

    def send(self, frames):
        """All of them in one go; there are not more than the ring takes."""
        for frame in frames:
            at = self.tx.place(self.tx.put % SIZE)
            self.tx.memory[at:at + HEADER] = bytes(HEADER)
            self.tx.memory[at + HEADER:at + HEADER + len(frame)] = frame
            self.tx.offer(HEADER + len(frame), 0)
        self.tx.show()
        while self.tx.got < self.tx.put:
            self.tx.done()
            time.sleep(0.001)

    def received(self):
        """How many frames came since the last call."""
        count = self.rx.done()
        self.refill(count)
        return count
