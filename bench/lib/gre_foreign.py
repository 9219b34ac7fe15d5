# SPDX-License-Identifier: GPL-2.0
"""What the receive hook costs for packets that are not ours."""

import ctypes
import socket
import struct

from lib import gre_devices
from lib import pktgen
from lib import shell
from lib.rounds import interleave
from lib.rounds import repeat

ROWS = ("without a tunnel", "with a tunnel")
PORT = 9
SO_ATTACH_FILTER = 26


def drop_all(taker):
    """Lets a socket drop what it gets, by a filter that returns 0."""
    code = ctypes.create_string_buffer(struct.pack("<HBBI", 6, 0, 0, 0), 8)
    program = struct.pack("<HxxxxxxQ", 1, ctypes.addressof(code))
    taker.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def foreign(options, report):
    """Cost of a UDP packet for this host, with and without a tunnel of ours."""
    gre_devices.load()
    options.pop("dev", None)

    def receive():
        pktgen.clear()
        name = pktgen.add(
            uplink.dev, 0, "xmit_mode netif_receive",
            f"dst_mac {address}", f"dst {uplink.local}",
            f"src_min {uplink.remote}", f"src_max {uplink.remote}",
            f"udp_dst_min {PORT}", f"udp_dst_max {PORT}", count=options["count"])
        pktgen.start()
        return pktgen.Result(name).ns()

    def sample(row):
        tunnel = uplink.tunnel("mqgre", 100) if row == ROWS[1] else None
        value = repeat(options["repeat"], receive)
        if tunnel:
            uplink.drop(tunnel)
        return value

    with gre_devices.Uplink("udp", options) as uplink, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        address = shell.link(uplink.dev)["address"]
        taker.bind((uplink.local, PORT))
        drop_all(taker)
        for row, number, value in interleave(options["rounds"], ROWS, sample):
            report.sample(row, value, "ns", "", number)
    report.say(f"{options['rounds']} rounds")
