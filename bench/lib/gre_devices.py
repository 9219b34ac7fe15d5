# SPDX-License-Identifier: GPL-2.0
"""The uplinks and the tunnels on them that are compared."""

import time
from pathlib import Path

from lib import shell
from lib.shell import run

NEIGHBOUR = "02:00:00:00:00:02"
# GRE in UDP, RFC 8086.
UDP = "encap fou encap-sport auto encap-dport 4754"


class Uplink:
    """A dummy device or one of this machine (options["dev"]), and tunnels on top."""

    def __init__(self, name, options, qdisc="noqueue"):
        self.tunnels = []
        self.refusal = ""
        self.made = not options.get("dev")
        if self.made:
            self.dev, self.queues = f"up-{name}", options["queues"]
            self._make(name, qdisc)
        else:
            self.dev, self.local, self.remote = (options[n] for n in ("dev", "local", "remote"))
            self.queues = len(list(Path("/sys/class/net", self.dev, "queues").glob("tx-*")))

    def _make(self, name, qdisc):
        # Each has a network of its own.
        net = f"198.18.{10 + sum(name.encode()) % 200}"
        self.local, self.remote = f"{net}.1", f"{net}.2"
        shell.load("dummy")
        queues = f"numtxqueues {self.queues} numrxqueues {self.queues}"
        run(f"ip link add {self.dev} {queues} type dummy")
        if qdisc != "noqueue":
            run(f"tc qdisc replace dev {self.dev} root handle 1: {qdisc}")
        run(f"ip addr add {self.local}/24 dev {self.dev}")
        run(f"ip link set {self.dev} up")
        run(f"ip neigh replace {self.remote} lladdr {NEIGHBOUR} nud permanent dev {self.dev}")

    def tunnel(self, row, key, queues=None):
        """Makes the device of a row; returns its name, or None if it cannot be had."""
        if row == "bare":
            return self.dev
        name = f"lanes{key}"
        ends = f"remote {self.remote} local {self.local} key {key}"
        queues = queues or self.queues
        lanes = f"numtxqueues {queues} numrxqueues {queues}"
        words = {
            "gretap": f"{name} type gretap {ends}",
            "gretap-mq": f"{name} {lanes} type gretap {ends}",
            "mqgre": f"{name} {lanes} type mqgre {ends}",
            "mqgre-udp": f"{name} {lanes} type mqgre {ends} {UDP}",
        }[row]
        try:
            run("ip link add", words)
        except RuntimeError as error:
            if row != "mqgre-udp":
                raise
            self.refusal = str(error)
            return None
        self.tunnels.append(name)
        if row == "gretap-mq":
            run(f"tc qdisc replace dev {name} root noqueue")
        run(f"ip link set {name} up")
        return name

    def sent(self):
        """Packets that have left so far."""
        return shell.sent(self.dev)

    def check_sent(self, before, count):
        """Complains unless count packets have left since it was at before."""
        # A NIC's counters may lag behind, it may drop some, and others may use it.
        least = count if self.made else count * 99 // 100
        end = time.monotonic() + (0 if self.made else 3)
        while (left := self.sent() - before) < least and time.monotonic() < end:
            time.sleep(0.1)
        if left < least or (self.made and left > count):
            raise RuntimeError(f"{count} packets sent, {left} left {self.dev}")

    def drop(self, name):
        """Deletes one of its tunnels."""
        self.tunnels.remove(name)
        run(f"ip link del {name}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.tunnels):
            self.drop(name)
        if self.made:
            run(f"ip link del {self.dev}")


def load():
    """Loads both kinds, and sets what systemd would on a Debian host."""
    shell.load("ip_gre")
    shell.load("fou")
    shell.ours("mq_gre")
    shell.load("sch_fq_codel")
    shell.sysctl("net.core.default_qdisc", "fq_codel")
    quiet()


def quiet():
    """What is made in this namespace sends nothing by itself."""
    shell.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
