# SPDX-License-Identifier: GPL-2.0
"""What a table with a million entries takes to load, to keep, and to search."""

import re
import time
from pathlib import Path

from lib import gre_devices
from lib import shell
from lib import vpc_ways
from lib.rounds import interleave
from lib.vpc_ways import KEY

MANY = 1_000_000
REMOTE = "203.0.113.1"
# Destinations that are in use.
USED = 10
ROWS = {"10 entries": USED, "1,000,000 entries": MANY}
FEW_ROW, MANY_ROW = ROWS
WAY, LOOKUP = "VM to wire", "lookup alone"
SECONDS, SLAB, ALL = "seconds", "bytes each: slab, percpu, vmalloc", "bytes each: all memory"


def macs(count):
    """The first are those in use; pktgen counts on from the first likewise."""
    for n in range(count):
        yield b"\x02\0" + (0x99 + n).to_bytes(4, "big")


def attributes(count, remote):
    """Those of entries, as bytes."""
    head = vpc_ways.words("entry-new", f"vpc={KEY}", "mac=00:00:00:00:00:00")
    before, after = head[:-8], head[-2:] + vpc_ways.words("entry-new", f"remote={remote}")
    return (before + mac + after for mac in macs(count))


def check(ctl, count):
    there, = ctl.say("config-get")
    if there["entries"] != count:
        raise RuntimeError(f"{there['entries']} of {count} entries are there")


def memory():
    """Bytes in use: by slab, percpu and vmalloc, and by all."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    found = {name: int(kb) * 1024 for name, kb in re.findall(r"(\w+): +(\d+) kB", text)}
    kernel = sum(found.get(name, 0) for name in ("Slab", "Percpu", "VmallocUsed"))
    return kernel, -found["MemFree"] - found["Buffers"] - found["Cached"]


def entries_load(options, report):
    """Time to load a million entries, in a transaction, and the memory that they take."""
    vpc_ways.load()
    vpc_ways.load_hook()
    ctl = vpc_ways.vpc.Vpc()
    requests = vpc_ways.prepared(ctl, "entry-new", attributes(MANY, REMOTE))

    def load(row):
        vpc_ways.empty()
        time.sleep(2)  # what the round before had is freed
        before = memory()
        start = time.monotonic()
        ctl.say("begin")
        ctl.say("vpc-new", f"id={KEY}")
        ctl.say("remote-new", f"vpc={KEY}", f"address={REMOTE}")
        for request in requests:
            ctl.sock.send(request)
        ctl.say("commit")
        seconds = time.monotonic() - start
        time.sleep(1)  # the table has grown
        taken = [(now - then) / MANY for now, then in zip(memory(), before)]
        check(ctl, MANY)
        return dict(zip((SECONDS, SLAB, ALL), (seconds, *taken)))

    try:
        for row, number, values in interleave(options["rounds"], [MANY_ROW], load):
            for column, value in values.items():
                report.sample(row, value, column, column, number)
            report.say(f"round {number + 1} of {options['rounds']}: {values}")
    finally:
        del ctl
        vpc_ways.unload_hook()


class Tenants:
    """A host in a namespace of its own, with so many entries."""

    def __init__(self, count, options):
        self.namespace = shell.Namespace()
        with self.namespace:
            gre_devices.quiet()
            self.host = vpc_ways.Host("ent", options, external=True).__enter__()
            self.tap = self.host.tap("tap")
            ctl = self.host.tenants(self.tap)
            ctl.say("begin", "copy")
            ctl.say("entry-del", f"vpc={KEY}", f"mac={vpc_ways.PEER}")
            vpc_ways.bulk(ctl, "entry-new", attributes(count, self.host.uplink.remote))
            ctl.say("commit")
            check(ctl, count + 2)  # and those of the VM

    def sample(self, count, times):
        """Cost of a packet to those in use, and of the lookup of the VM itself."""
        def take(*more, passes=False):
            return vpc_ways.from_tap(self.host, self.tap, count, times, more, passes)

        with self.namespace:
            way = take(f"dst_mac_count {USED}", passes=True)
            # Both are dropped: one for itself once it is found, one for its sender before.
            found = take(f"dst_mac {vpc_ways.VM}")
            refused = take(f"dst_mac {vpc_ways.VM}", f"src_mac {vpc_ways.PEER}")
        return {WAY: way, LOOKUP: found - refused}


def entries_lookup(options, report):
    """Cost of a packet with few entries and with a million, of which as few are in use."""
    vpc_ways.load()
    vpc_ways.load_hook()
    hosts = {row: Tenants(count, options) for row, count in ROWS.items()}

    def sample(row):
        return hosts[row].sample(options["count"], options["repeat"])

    try:
        for row, number, values in interleave(options["rounds"], ROWS, sample):
            for column, value in values.items():
                report.sample(row, value, "ns", column, number)
            report.say(f"round {number + 1} of {options['rounds']}, {row}: {values}")
    finally:
        for tenants in hosts.values():
            with tenants.namespace:
                vpc_ways.empty()
                tenants.host.__exit__()
        vpc_ways.unload_hook()
