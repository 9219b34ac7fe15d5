#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ends namespaces under the traffic of their VMs, whose taps are from elsewhere, so
that nobody keeps the namespace: no tenant may get anything of another.

usage: vpc_end.py COUNT
"""

import os
import subprocess
import sys
import threading
import time

import frames
import tap_hold
from frames import IPV4
from frames import ether
from frames import ip4
from frames import udp
from vpc_taps import ip
from vpc_taps import result

NS = f"ksft-end-{os.getpid()}"
# Of red two VMs, of blue one.
VMS = (("qa", 7, 1), ("qb", 7, 2), ("qc", 9, 3))


def inside(*words):
    subprocess.run(["ip", "netns", "exec", NS, *words], check=True, stdout=subprocess.DEVNULL)


def vpc(line):
    inside(os.path.join(os.path.dirname(__file__), "vpc.py"), *line.split())


def host():
    """A namespace with the VMs in it; returns their taps' descriptors."""
    ip("netns", "add", NS)
    inside("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    inside("ip", "link", "set", "br0", "up")
    for number in {vm[1] for vm in VMS}:
        vpc(f"vpc-new id={number}")
    fds = []
    for name, number, n in VMS:
        fds.append(tap_hold.attach(name, tap_hold.IFF_TAP))
        os.set_blocking(fds[-1], False)
        ip("link", "set", name, "netns", NS)
        vpc(f"port-new ifname={name} vpc={number} mac=02:00:00:00:00:{n:02x} address=10.9.0.{n}")
        inside("ip", "link", "set", name, "master", "br0", "up")
    return fds


def drain(fd):
    """How many frames of the sender's have come."""
    count = 0
    while True:
        try:
            count += b"ksft-end" in os.read(fd, 1 << 16)
        except OSError:
            # None any more, or no tap.
            return count


def trial():
    """How many frames have reached the other VM of the tenant, and another tenant's."""
    sender, own, other = host()
    frame = ether(frames.BROADCAST, bytes([2, 0, 0, 0, 0, 1]), IPV4, ip4(
        "10.9.0.1", "255.255.255.255",
        udp("10.9.0.1", "255.255.255.255", payload=b"ksft-end" * 4)))
    ended = threading.Event()
    got = [0, 0]

    def send():
        while not ended.is_set():
            try:
                os.write(sender, frame)
            except OSError:
                # Its device is gone, or down.
                continue

    def receive():
        while not ended.is_set():
            for n, fd in enumerate((own, other)):
                got[n] += drain(fd)

    threads = [threading.Thread(target=work) for work in (send, receive)]
    for thread in threads:
        thread.start()
    # Until the first has come: what is in the tap when that goes is lost.
    for _ in range(6000):
        if got[0]:
            break
        time.sleep(0.01)
    time.sleep(0.3)
    ip("netns", "del", NS)
    # Its end is the work of a kernel thread.
    for _ in range(1000):
        try:
            os.write(sender, frame)
        except OSError as e:
            if e.errno == 77:  # EBADFD: there is no device
                break
        time.sleep(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    got[1] += drain(other)
    for fd in (sender, own, other):
        os.close(fd)
    return got


def main():
    owns = others = 0
    count = int(sys.argv[1])
    for _ in range(count):
        own, other = trial()
        owns += own > 0
        others += other
    result("VMs of a tenant reach each other until then",
           [f"in {owns} of {count} namespaces"] * (owns != count))
    result("nothing comes to another tenant", [f"{others} frames"] * bool(others))


if __name__ == "__main__":
    main()
