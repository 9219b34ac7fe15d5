# SPDX-License-Identifier: GPL-2.0
"""Small BPF programs, and what can be done with them."""

import ctypes
import os
import socket
import struct

BPF = 321  # the system call, on x86_64
PROG_LOAD, PROG_TEST_RUN = 5, 10
TYPE_SOCKET_FILTER, TYPE_XDP = 1, 6
XDP_PASS = 2
LIVE_FRAMES = 1 << 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = _libc.syscall(BPF, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf: {os.strerror(ctypes.get_errno())}")
    return result


def constant(kind, value):
    """Loads a program of some kind that always returns the same; its descriptor."""
    # r0 = value; exit
    text = struct.pack("<BBhi", 0xB7, 0, 0, value) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    code, licence = (ctypes.create_string_buffer(part) for part in (text, b"GPL"))
    return _call(PROG_LOAD, struct.pack("<IIQQ", kind, len(text) // 8,
                                        ctypes.addressof(code), ctypes.addressof(licence)))


class Injector:
    """Receives one frame again and again on a device, many with one system call.

    An XDP program that lets everything pass is run on the frame over and over
    (BPF_PROG_TEST_RUN with live frames): the kernel makes packets of it and
    hands them to the stack in batches, as a driver would.
    """

    def __init__(self, dev):
        self._prog = constant(TYPE_XDP, XDP_PASS)
        self._index = socket.if_nametoindex(dev)

    def receive(self, frame, count):
        """Returns when the stack has had count copies, but for what it deferred."""
        data = ctypes.create_string_buffer(frame, len(frame))
        # struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx queue.
        context = struct.pack("<6I", 0, len(frame), 0, self._index, 0, 0)
        held = ctypes.create_string_buffer(context, len(context))
        _call(PROG_TEST_RUN, struct.pack(
            "<IIIIQQIIIIQQIII", self._prog, 0, len(frame), 0,
            ctypes.addressof(data), 0, count, 0, len(context), 0,
            ctypes.addressof(held), 0, LIVE_FRAMES, 0, 0))
