# SPDX-License-Identifier: GPL-2.0
"""Sends big frames that the device, or whoever is below it, has to cut."""

import ctypes
import os
import socket
import struct

from lib import frames

ETH_P_IP = 0x0800
SOL_PACKET, PACKET_VNET_HDR = 263, 15
SO_SNDBUFFORCE = 32
MSS = 1300
# struct virtio_net_hdr: checksum at 34 + 16 is needed, TCP over IPv4.
VNET_HEADER = struct.pack("<BBHHHH", 1, 1, 54, MSS, 34, 16)

_libc = ctypes.CDLL(None, use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(_Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class _Sent(ctypes.Structure):
    _fields_ = [("message", _Message), ("bytes", ctypes.c_uint)]


class Sender:
    """A packet socket on a device; each frame has a virtio_net header."""

    BATCH = 16

    def __init__(self, dev, payload):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28)
        self._socket.bind((dev, ETH_P_IP))
        addresses = "198.19.0.1", "198.19.0.2"
        packet = frames.ipv4(*addresses, 6, frames.tcp_partial(*addresses, bytes(payload)))
        frame = VNET_HEADER + frames.ethernet("02:00:00:00:00:99", "02:00:00:00:00:98", packet)
        self._frame = ctypes.create_string_buffer(frame, len(frame))
        self._iovec = _Iovec(ctypes.addressof(self._frame), len(frame))
        one = _Sent(_Message(iov=ctypes.pointer(self._iovec), iovlen=1))
        self._batch = (_Sent * self.BATCH)(*[one] * self.BATCH)

    def send(self, count):
        """Sends count frames, a multiple of BATCH."""
        for _ in range(count // self.BATCH):
            sent = _libc.sendmmsg(self._socket.fileno(), self._batch, self.BATCH, 0)
            if sent != self.BATCH:
                error = ctypes.get_errno()
                raise OSError(error, f"sendmmsg: {sent} frames, {os.strerror(error)}")

    def close(self):
        self._socket.close()
