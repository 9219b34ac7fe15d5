#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Stands in for mausezahn, of which the kernel's selftests of mirrors use this:

usage: mz.py [-6] DEV [-A SRC] -B DST -a own -b bc -q -c COUNT -d DELAY \\
             -t icmp echoreq | -t icmp6 type=128

Sends COUNT echo requests from a device. Nothing depends on DELAY, and it is not
waited.
"""

import fcntl
import socket
import struct
import sys

import wire
from encap import ICMP
from encap import ICMP6
from encap import ip6

SIOCGIFHWADDR = 0x8927


def main():
    args = [a for a in sys.argv[1:] if a not in ("-6", "-q")]
    dev, *args = args or [""]
    options = dict(zip(args[::2], args[1::2]))
    if not {"-B", "-t"} <= set(options) or options["-t"] not in ("icmp", "icmp6"):
        raise SystemExit(__doc__)
    out = wire.Linear(dev)
    mac = fcntl.ioctl(out.sock, SIOCGIFHWADDR, dev.encode().ljust(40, b"\0"))[18:24]
    src, dst = options.get("-A"), options["-B"]
    v6 = ":" in dst
    for number in range(int(options.get("-c", "1"))):
        body = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 1, number) + bytes(32)
        pseudo = b""
        if v6:
            pseudo = b"".join(socket.inet_pton(socket.AF_INET6, a) for a in (src, dst))
            pseudo += struct.pack("!II", len(body), ICMP6)
        body = body[:2] + struct.pack("!H", wire.csum(pseudo + body)) + body[4:]
        packet = ip6(src, dst, body, ICMP6) if v6 else wire.ip(src, dst, body, ICMP)
        out.send(b"\xff" * 6 + mac + (b"\x86\xdd" if v6 else b"\x08\0") + packet)


if __name__ == "__main__":
    main()
