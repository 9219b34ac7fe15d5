# SPDX-License-Identifier: GPL-2.0
"""The uplinks and the tunnels on them that are compared."""

import os
from pathlib import Path

from lib import shell
from lib.shell import run

NEIGHBOUR = "02:00:00:00:00:02"
# GRE in UDP, RFC 8086.
UDP = "encap fou encap-sport auto encap-dport 4754"


class Uplink:
    """A device whose packets go nowhere, or one of this machine, and tunnels on top."""

    def __init__(self, name, options, qdisc="noqueue"):
        self.queues = options["queues"]
        self.dev = options.get("dev") or f"up-{name}"
        self.tunnels = []
        self.made = not options.get("dev")
        if not self.made:
            self.local, self.remote = options["local"], options["remote"]
            return
        # Each uplink has a network of its own.
        net = f"198.18.{10 + sum(name.encode()) % 200}"
        self.local, self.remote = f"{net}.1", f"{net}.2"
        shell.load("dummy")
        run(f"ip link add {self.dev} numtxqueues {self.queues} numrxqueues {self.queues} type dummy")
        if qdisc != "noqueue":
            run(f"tc qdisc replace dev {self.dev} root handle 1: {qdisc}")
        run(f"ip addr add {self.local}/24 dev {self.dev}")
        run(f"ip link set {self.dev} up")
        run(f"ip neigh replace {self.remote} lladdr {NEIGHBOUR} nud permanent dev {self.dev}")

    def tunnel(self, row, key, queues=None):
        """Makes the device of a row; returns its name, or None if it cannot be had."""
        if row == "bare":
            return self.dev
        name = f"t{key}"
        ends = f"remote {self.remote} local {self.local} key {key}"
        queues = queues or self.queues
        lanes = f"numtxqueues {queues} numrxqueues {queues}"
        words = {
            "gretap": f"{name} type gretap {ends}",
            "gretap-mq": f"{name} {lanes} type gretap {ends}",
            "mqgre": f"{name} {lanes} type mqgre {ends}",
            "mqgre-udp": f"{name} {lanes} type mqgre {ends} {UDP}",
        }[row]
        if not shell.works("ip link add", words):
            if row == "mqgre-udp":
                return None
            run("ip link add", words)
        self.tunnels.append(name)
        if row == "gretap-mq":
            run(f"tc qdisc replace dev {name} root noqueue")
        run(f"ip link set {name} up")
        return name

    def drop(self, name):
        """Deletes one of its tunnels."""
        self.tunnels.remove(name)
        run(f"ip link del {name}")

    def remove(self):
        for name in self.tunnels:
            run(f"ip link del {name}")
        if self.made:
            run(f"ip link del {self.dev}")


def load():
    """Loads both kinds, and sets what systemd would on a Debian host."""
    shell.load("ip_gre")
    shell.load("fou")
    modules = os.environ.get("LANES_MODULES")
    if modules:
        shell.insert(f"{modules}/mq_gre.ko")
    shell.load("sch_fq_codel")
    shell.sysctl("net.core.default_qdisc", "fq_codel")
    quiet()


def quiet():
    """Nothing in this namespace sends by itself."""
    for name in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
        name.write_text("1\n", encoding="ascii")
