#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attaches a generic XDP program that lets all packets pass, or detaches it.

usage: xdp_pass.py DEV on|off
"""

import ctypes
import os
import platform
import socket
import struct
import sys

from nl import RTM_NEWLINK, Rtnl, attr

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_LOAD, BPF_PROG_TYPE_XDP, XDP_PASS = 5, 6, 2
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE = 43, 1, 3, 2
NLA_F_NESTED = 0x8000


def load():
    """A program: r0 = XDP_PASS; exit."""
    code = struct.pack("=BBhi", 0xb7, 0, 0, XDP_PASS) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    bpf_attr = ctypes.create_string_buffer(
        struct.pack("=IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(code),
                    ctypes.addressof(licence)), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, BPF_PROG_LOAD, bpf_attr, len(bpf_attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in ("on", "off"):
        raise SystemExit(__doc__)
    fd = load() if sys.argv[2] == "on" else -1
    nest = (attr(IFLA_XDP_FD, struct.pack("=i", fd)) +
            attr(IFLA_XDP_FLAGS, struct.pack("=I", XDP_FLAGS_SKB_MODE)))
    Rtnl().ask(RTM_NEWLINK, 0, Rtnl.link(socket.if_nametoindex(sys.argv[1])) +
               attr(IFLA_XDP | NLA_F_NESTED, nest))


if __name__ == "__main__":
    main()
