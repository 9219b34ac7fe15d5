# SPDX-License-Identifier: GPL-2.0
"""What ethtool -i and -S show, without a process for each look."""

import ctypes
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
GDRVINFO, GSTRINGS, GSTATS = 0x03, 0x1b, 0x1d
ETH_SS_STATS = 1


class Counters:
    """The counters of a device of the namespace that it is made in."""

    def __init__(self, dev):
        self.dev = dev.encode()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        info = self.ask(struct.pack("=I192x", GDRVINFO))
        self.driver = info[4:36].split(b"\0")[0].decode()
        # struct ethtool_drvinfo ends with five numbers; n_stats is the second.
        self.count, = struct.unpack_from("=I", info, 4 + 32 * 5 + 12 + 4)
        self.names = []
        if not self.count:
            return
        text = self.ask(struct.pack("=III", GSTRINGS, ETH_SS_STATS, self.count) +
                        bytes(32 * self.count))
        self.names = [text[at:at + 32].split(b"\0")[0].decode()
                      for at in range(12, len(text), 32)]

    def ask(self, request):
        buf = ctypes.create_string_buffer(request, len(request))
        fcntl.ioctl(self.sock, SIOCETHTOOL, struct.pack(
            "16sQ16x", self.dev, ctypes.addressof(buf)))
        return buf.raw

    def read(self):
        """All of them, by name."""
        if not self.count:
            return {}
        answer = self.ask(struct.pack("=II", GSTATS, self.count) +
                          bytes(8 * self.count))
        return dict(zip(self.names, struct.unpack_from(f"={self.count}Q",
                                                       answer, 8)))
