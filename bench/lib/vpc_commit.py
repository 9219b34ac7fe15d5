# SPDX-License-Identifier: GPL-2.0
"""A large configuration changes while two tenants with the same addresses send."""

import json
import os
import select
import struct
import time
from pathlib import Path

from lib import frames
from lib import gre_devices
from lib import shell
from lib import vpc_ways
from lib.bpf import Injector
from lib.shell import run
from lib.vpc_ways import KEY
from lib.vpc_ways import PEER
from lib.vpc_ways import PEER_IP
from lib.vpc_ways import VM
from lib.vpc_ways import VM_IP

TENANTS = {"red": KEY, "blue": KEY + 2}
BURST = 32
# Addresses that belong to whom a tenant talks to, and to nobody else.
FIRST_OTHER = 0x1000
LOST, WRONG, SEEN, SENT = ("packets lost", "packets to the wrong tenant",
                           "packets of one tenant seen by another", "packets sent")


def marker(tenant):
    """Source port of all that a tenant sends, by which it is known."""
    return 1000 + TENANTS[tenant]


def frame_of(tenant):
    return frames.ethernet(PEER, VM, frames.ipv4(
        VM_IP, PEER_IP, 17, frames.udp(marker(tenant), 9, bytes(18))))


class Wire:
    """Counts what leaves the uplink: under the key of whom it is of, and else."""

    def __init__(self, dev):
        self._dev = dev
        for module in ("sch_ingress", "cls_u32", "cls_matchall", "act_gact"):
            shell.load(module)
        run(f"tc qdisc replace dev {dev} clsact")
        add = f"tc filter add dev {dev} egress protocol ip"
        for n, (tenant, key) in enumerate(TENANTS.items()):
            # Offsets from the outer IP header: the GRE key, the inner UDP source port.
            run(f"{add} prio {n + 1} u32 match u8 47 0xff at 9 match u32 {key} 0xffffffff at 24",
                f"match u16 {marker(tenant)} 0xffff at 62 action pass")
        run(f"{add} prio {len(TENANTS) + 1} matchall action pass")

    def counts(self):
        """Packets by tenant, then the others."""
        out = json.loads(run(f"tc -j -s filter show dev {self._dev} egress"))
        found = [0] * (len(TENANTS) + 1)
        for entry in out:
            for action in entry.get("options", {}).get("actions", []):
                found[entry["pref"] - 1] += action["stats"]["packets"]
        return found


class Traffic:
    """A process that sends and receives for the VMs of both tenants until it is told to end."""

    def __init__(self, host, taps):
        self._host, self._taps = host, taps
        self._told, tell = os.pipe()
        answer, self._answer = os.pipe()
        self._child = os.fork()
        if not self._child:
            status = 1
            try:
                os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
                os.write(self._answer, json.dumps(self._run()).encode())
                status = 0
            finally:
                os._exit(status)
        self._tell, self._result = tell, answer

    def _run(self):
        """Packets that were sent, those from the wire that were lost, and those of others."""
        told = select.poll()
        told.register(self._told, select.POLLIN)
        injector = Injector(self._host.uplink.dev)
        ways = [(tap, marker(tenant), frame_of(tenant),
                 vpc_ways.outer(self._host, TENANTS[tenant], marker(tenant)))
                for tenant, tap in self._taps.items()]
        total = {"sent": {tenant: 0 for tenant in TENANTS}, "in": 0, "lost": 0, "seen": 0}
        while not told.poll(0):
            for tap, _, out, _ in ways:
                tap.send(vpc_ways.QUEUE, [out] * BURST)
            for _, _, _, outer in ways:
                injector.receive(outer, BURST)
            for tenant in TENANTS:
                total["sent"][tenant] += BURST
            total["in"] += BURST * len(ways)
            for tap, own, _, _ in ways:
                got, others = self._take(tap, own)
                total["lost"] += BURST - got
                total["seen"] += others
        return total

    @staticmethod
    def _take(tap, own):
        """Frames of its own that have come to a VM, and those of others."""
        got = others = 0
        end = time.monotonic() + 1
        while got < BURST and time.monotonic() < end:
            for fd in tap.fds:
                try:
                    while True:
                        frame = os.read(fd, 2048)
                        port, = struct.unpack_from("!H", frame, 34)
                        if frame[12:14] == b"\x08\x00" and port == own:
                            got += 1
                        else:
                            others += 1
                except BlockingIOError:
                    pass
        return got, others

    def end(self):
        os.write(self._tell, b".")
        text = os.read(self._result, 1 << 16)
        os.waitpid(self._child, 0)
        for fd in (self._told, self._tell, self._answer, self._result):
            os.close(fd)
        return json.loads(text)


def entries(key, count, remote, number):
    """Entries of a tenant, half of which are others in each round."""
    head = vpc_ways.words("entry-new", f"vpc={key}", "mac=00:00:00:00:00:00")[:-8]
    tail = bytes(2) + vpc_ways.words("entry-new", f"remote={remote}")
    for n in range(count - 1):
        other = n + count * number * (n % 2)
        yield head + b"\x02\x01" + (FIRST_OTHER + other).to_bytes(4, "big") + tail
    yield vpc_ways.words("entry-new", f"vpc={key}", f"mac={PEER}", f"remote={remote}")


def replace(host, taps, remotes, count, number):
    """Puts a new configuration in the place of the old; the milliseconds that the commit took."""
    ctl = vpc_ways.vpc.Vpc()
    ctl.say("begin")
    ctl.say("config-set", f"tunnel={shell.link(host.tunnel)['ifindex']}")
    # They are behind the one remote in one round, and behind the other in the next.
    remote = remotes[number % len(remotes)]
    for tenant, tap in taps.items():
        key = TENANTS[tenant]
        ctl.say("vpc-new", f"id={key}")
        for each in remotes:
            ctl.say("remote-new", f"vpc={key}", f"address={each}")
        ctl.say("port-new", f"ifname={tap.dev}", f"vpc={key}", f"mac={VM}",
                f"address=net:{VM_IP}")
        each = count // len(taps)
        vpc_ways.bulk(ctl, "entry-new", entries(key, each, remote, number))
    start = time.monotonic()
    ctl.say("commit")
    taken = (time.monotonic() - start) * 1000
    there, = ctl.say("config-get")
    expected = count + 2 * len(taps)  # those of the ports
    if there["entries"] != expected:
        raise RuntimeError(f"{there['entries']} of {expected} entries are there")
    return taken


def commit(options, report):
    """Replaces the whole configuration again and again; what happens to packets meanwhile."""
    vpc_ways.load()
    vpc_ways.load_hook()
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        raise RuntimeError("packets and changes need a CPU each")
    count, changes = options["entries"], 0
    with vpc_ways.Host("com", options, external=True) as host:
        taps = {tenant: host.tap(tenant, 4 * BURST) for tenant in TENANTS}
        second = host.uplink.remote.rsplit(".", 1)[0] + ".3"
        run(f"ip neigh replace {second} lladdr {gre_devices.NEIGHBOUR}",
            f"nud permanent dev {host.uplink.dev}")
        remotes = [host.uplink.remote, second]
        wire = Wire(host.uplink.dev)
        os.sched_setaffinity(0, {min(cpus)})
        try:
            replace(host, taps, remotes, count, 0)
            for number in range(options["rounds"]):
                before = wire.counts()
                traffic = Traffic(host, taps)
                taken = []
                for _ in range(options["commits"]):
                    changes += 1
                    taken.append(replace(host, taps, remotes, count, changes))
                time.sleep(0.5)  # and while the old one is freed
                result = traffic.end()
                *out, others = (now - then for now, then in zip(wire.counts(), before))
                sent = sum(result["sent"].values()) + result["in"]
                missing = sum(result["sent"].values()) - sum(out)
                # What left under another's key is missing as well.
                report.sample(SENT, sent, "packets", "", number)
                report.sample(LOST, missing - others + result["lost"], "packets", "", number)
                report.sample(WRONG, others, "packets", "", number)
                report.sample(SEEN, result["seen"], "packets", "", number)
                report.sample("the commit itself", max(taken), "ms", "milliseconds", number)
                report.say(f"round {number + 1} of {options['rounds']}: {sent} packets, "
                           f"commit {max(taken):.0f} ms")
        finally:
            os.sched_setaffinity(0, cpus)
            vpc_ways.unload_hook()
