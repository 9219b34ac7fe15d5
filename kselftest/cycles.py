#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Does one thing many times, and looks for memory that it left behind.

usage: cycles.py device COUNT NS       add, up, traffic, down, delete
       cycles.py change COUNT NS       change the options back and forth
       cycles.py refused COUNT NS      requests that are refused half way
       cycles.py netns COUNT           a namespace with devices, and its end
       cycles.py module COUNT FILE     load and unload
       cycles.py hold COUNT            keeps one object per cycle: must be found

In one process, so that the time goes into the kernel. A tenth of the cycles
(50 at least) goes ahead, to fill caches. Prints the growth, and fails if a
kind of object, or the per-CPU memory, grew by what one small leak per cycle
would come to, in each of five rounds one after the other.
"""

import ctypes
import gc
import os
import socket
import struct
import sys
import time

import nl
import wire

LOCAL, REMOTE = socket.inet_aton("10.1.0.1"), socket.inet_aton("10.1.0.2")
KIND = os.environ.get("KIND", "mqgre")
# Bytes per cycle of per-CPU memory that would be a leak; one counter has 8.
PERCPU_LEAK = 8
libc = ctypes.CDLL(None, use_errno=True)


def memory():
    """Objects in use per slab cache, and kB of per-CPU memory."""
    # Let deferred frees run, then empty the caches' per-CPU lists.
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")
    time.sleep(1)
    base = "/sys/kernel/slab"
    for cache in os.listdir(base):
        try:
            with open(f"{base}/{cache}/shrink", "w", encoding="ascii") as f:
                f.write("1")
        except OSError:
            pass
    found = {}
    with open("/proc/slabinfo", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if line[0] not in "#s" or words[1].isdigit():
                found[words[0]] = (int(words[1]), int(words[3]))
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith(("Percpu:", "VmallocUsed:")):
                found[line.split(":")[0]] = (int(line.split()[1]), 1024)
    return found


class Device:
    """Adds, uses and deletes a device; every tenth is external."""

    def __init__(self, ns):
        wire.enter(ns)
        self.rtnl = nl.Rtnl()
        key = struct.pack("!I", 7)
        flags = struct.pack("!H", 0x2000)
        self.data = (nl.attr(6, LOCAL) + nl.attr(7, REMOTE) +
                     nl.attr(2, flags) + nl.attr(3, flags) +
                     nl.attr(4, key) + nl.attr(5, key))
        self.frame = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5" + b"x" * 60

    def cycle(self, n):
        external = n % 10 == 9
        self.rtnl.new_link("m0", KIND, None if external else self.data)
        index = socket.if_nametoindex("m0")
        self.rtnl.set_up(index, 1)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
            s.bind(("m0", 0))
            s.send(self.frame)
        self.rtnl.set_up(index, 0)
        self.rtnl.del_link(index)


class Change(Device):
    """Changes one device again and again."""

    def __init__(self, ns):
        super().__init__(ns)
        self.rtnl.new_link("m0", KIND, self.data)

    def cycle(self, n):
        self.rtnl.new_link("m0", KIND, self.data + nl.attr(
            7, socket.inet_aton(f"10.1.0.{2 + n % 2}")), create=False)


class Refused(Device):
    """Requests that fail late: the device exists already."""

    def __init__(self, ns):
        super().__init__(ns)
        self.rtnl.new_link("m0", KIND, self.data)

    def cycle(self, n):
        # The same tunnel; a taken name; more queues than there may be.
        name, link = (("m1", b""), ("m0", b""),
                      ("m2", nl.attr(31, struct.pack("=I", 4097))))[n % 3]
        try:
            self.rtnl.new_link(name, KIND, self.data, link)
        except nl.NetlinkError:
            return
        raise SystemExit(f"{name} was not refused")


class Netns:
    """A namespace of its own for two devices, dropped with them inside.

    Their end is waited for, by a device that goes with them: how many are on
    their way would differ from round to round, and with it the memory.
    """

    def __init__(self, _):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        peer = (nl.attr(nl.IFLA_IFNAME, b"gone\0") +
                nl.attr(nl.IFLA_NET_NS_FD, struct.pack("=I", self.home)))
        self.veth = nl.attr(nl.VETH_INFO_PEER, nl.Rtnl.link() + peer)

    def cycle(self, _):
        os.unshare(os.CLONE_NEWNET)
        rtnl = nl.Rtnl()
        rtnl.new_link("v0", "veth", self.veth)
        rtnl.new_link("m0", KIND, None)
        rtnl.new_link("m1", KIND, nl.attr(6, LOCAL) + nl.attr(7, REMOTE))
        rtnl.sock.close()
        os.setns(self.home, os.CLONE_NEWNET)
        while "gone" in os.listdir("/proc/sys/net/ipv4/conf"):
            time.sleep(0.005)


class Module:
    """Loads and unloads; every tenth time with a device."""

    def __init__(self, file):
        self.fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self.rtnl = nl.Rtnl()

    def cycle(self, n):
        if libc.syscall(313, self.fd, b"", 0):  # finit_module
            raise OSError(ctypes.get_errno(), "finit_module")
        if n % 10 == 0:
            self.rtnl.new_link("m0", KIND, None)
        if libc.syscall(176, b"mq_gre", 0):  # delete_module
            raise OSError(ctypes.get_errno(), "delete_module")


class Hold:
    """The leak that must be found: a small object per cycle."""

    def __init__(self, _):
        self.held = []

    def cycle(self, _):
        self.held.append(os.eventfd(0))


WORK = {"device": Device, "change": Change, "refused": Refused,
        "netns": Netns, "module": Module, "hold": Hold}


def round_of(work, count):
    """Does count cycles; returns what grew as a leak would."""
    before = memory()
    began = time.monotonic()
    for n in range(count):
        work.cycle(n)
    took = time.monotonic() - began
    # A namespace's end is the work of a kernel thread: it may lag behind.
    for _ in range(3):
        after = memory()
        grown = {k: after[k][0] - before.get(k, (0, 0))[0] for k in after}
        leaks = [f"{k} grew by {v} objects" for k, v in grown.items()
                 if v > count / 4 and k not in ("Percpu", "VmallocUsed")]
        if grown["Percpu"] * 1024 > count * PERCPU_LEAK:
            leaks.append(f"per-CPU memory grew by {grown['Percpu']} kB")
        if grown["VmallocUsed"] * 1024 > count * 1024:
            leaks.append(f"vmalloc grew by {grown['VmallocUsed']} kB")
        if not leaks:
            break
    slab = sum((after[k][0] - before.get(k, (0, 0))[0]) * after[k][1]
               for k in after if k not in ("Percpu", "VmallocUsed"))
    print(f"{count} cycles in {took:.0f} s: slab {slab // 1024:+d} kB, "
          f"per-CPU {grown['Percpu']:+d} kB, vmalloc {grown['VmallocUsed']:+d} kB")
    top = sorted(grown.items(), key=lambda kv: -kv[1])[:4]
    print("most: " + ", ".join(f"{k} {v:+d}" for k, v in top))
    return leaks


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in WORK:
        raise SystemExit(__doc__)
    count = int(sys.argv[2])
    work = WORK[sys.argv[1]](sys.argv[3] if len(sys.argv) > 3 else None)
    for n in range(max(count // 10, 50)):
        work.cycle(n)
    gc.disable()
    # A pool that is filled once grows once; a leak grows every time.
    for _ in range(5):
        leaks = round_of(work, count)
        if not leaks:
            return
    raise SystemExit("; ".join(leaks))


if __name__ == "__main__":
    main()
