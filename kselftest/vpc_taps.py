# SPDX-License-Identifier: GPL-2.0
"""Ports of vpc_hook whose VM is the test itself."""

import os
import select
import struct
import subprocess

import tap_hold
import tap_send

LONGEST = 1 << 17


def ip(*words):
    subprocess.check_call(["ip", *words])


# The header that virtio has before a frame (virtio 1.2, 5.1.6), and a flag in it.
IFF_VNET_HDR, VNET_HDR_LEN, NEEDS_CSUM = 0x4000, 10, 1


class Tap:
    """A tap in the bridge br0, of one queue, bound to a VPC. With vnet its frames have the header
    of virtio."""

    def __init__(self, client, name, vpc, mac, addresses, vnet=False):
        self.client, self.name, self.mac, self.vpc = client, name, mac, vpc
        self.addresses = addresses
        self.vnet = vnet
        self.fd = tap_hold.attach(name, tap_hold.IFF_TAP | tap_hold.IFF_MULTI_QUEUE |
                                  IFF_VNET_HDR * vnet)
        os.set_blocking(self.fd, False)
        ip("link", "set", name, "master", "br0", "up")
        tap_send.wait_for_bridge(name)
        self.become_port()

    def become_port(self, *words, addresses=None):
        """Makes it a port, or changes it: only these words and addresses count."""
        if addresses is None:
            addresses = self.addresses
        self.client.say("port-new", "replace", f"ifname={self.name}", f"vpc={self.vpc}",
                        f"mac={self.mac.hex(':')}", *(f"address={a}" for a in addresses), *words)

    def send(self, frame, summed=None, gso=(0, 0)):
        """With summed, where a checksum begins and where the host is to write it; gso are type
        and size of segments."""
        start, field = summed or (0, 0)
        header = struct.pack("=BBHHHH", NEEDS_CSUM * bool(summed), gso[0], 0, gso[1], start,
                             field - start)
        os.write(self.fd, header * self.vnet + frame)

    def received(self, wait=0):
        """Frames that have come; the first is waited for so many seconds."""
        found = []
        while select.select([self.fd], [], [], 0 if found else wait)[0]:
            found.append(os.read(self.fd, LONGEST)[VNET_HDR_LEN * self.vnet:])
        return found

    def counters(self):
        """Of the port, drops by their names."""
        answer, = self.client.say("port-get", f"ifname={self.name}")
        counted = {name: answer[name] for name in ("rx-packets", "tx-packets", "answered")}
        return counted | answer.get("drop", {})


def result(name, why=()):
    """Prints one result for those who run the test; why says what is wrong."""
    # What is behind a colon is for them the reason.
    name = name.replace(": ", ", ")
    print(f"FAIL {name}: {'; '.join(why)}" if why else f"PASS {name}", flush=True)


def risen(before, after):
    """What has been counted between the two."""
    return {name: n - before.get(name, 0)
            for name, n in after.items() if n != before.get(name, 0)}
