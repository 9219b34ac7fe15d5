#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Gives a tap a steering program that always selects one queue, or takes it.

usage: tap_steer.py PID QUEUE|off

The tap is the one that the process PID is attached to.
"""

import ctypes
import fcntl
import os
import platform
import struct
import sys

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
SYS_PIDFD_GETFD = 438
BPF_PROG_LOAD, BPF_PROG_TYPE_SOCKET_FILTER = 5, 1
TUNSETSTEERINGEBPF = 0x800454e0

libc = ctypes.CDLL(None, use_errno=True)


def call(*args):
    """A system call; the new descriptor."""
    fd = libc.syscall(*args)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


def load(queue):
    """A program: r0 = queue; exit."""
    code = struct.pack("=BBhi", 0xb7, 0, 0, queue) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    bpf_attr = ctypes.create_string_buffer(
        struct.pack("=IIQQ", BPF_PROG_TYPE_SOCKET_FILTER, 2, ctypes.addressof(code),
                    ctypes.addressof(licence)), 128)
    return call(SYS_BPF, BPF_PROG_LOAD, bpf_attr, len(bpf_attr))


def queue_of(pid):
    """One of the queues that the process has attached."""
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        if os.readlink(f"{folder}/{name}") == "/dev/net/tun":
            return call(SYS_PIDFD_GETFD, os.pidfd_open(pid), int(name), 0)
    raise SystemExit(f"process {pid} has no tap")


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    fd = -1 if sys.argv[2] == "off" else load(int(sys.argv[2]))
    fcntl.ioctl(queue_of(int(sys.argv[1])), TUNSETSTEERINGEBPF, struct.pack("=i", fd))


if __name__ == "__main__":
    main()
