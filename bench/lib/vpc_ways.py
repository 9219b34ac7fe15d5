# SPDX-License-Identifier: GPL-2.0
"""A host whose bridge takes frames from taps to a tunnel, and back.

What forwards them is the bridge itself, by a static entry, or vpc_hook.
"""

import struct
import sys
import time
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path

from lib import frames
from lib import gre_devices
from lib import gre_rx
from lib import pktgen
from lib import shell
from lib.bpf import Injector
from lib.gre_devices import Uplink
from lib.rounds import repeat
from lib.shell import ROOT
from lib.shell import run
from lib.tun_taps import Tap

sys.path.insert(0, str(ROOT / "kselftest"))

# Of the tests, which speak the same language.
import nl
import vpc

# The VM that the tap is of, and whom it talks to; as pktgen's frames have it.
VM, PEER = "02:00:00:00:00:98", "02:00:00:00:00:99"
VM_IP, PEER_IP = "198.19.0.1", "198.19.0.2"
# VPC and key of the tunnel.
KEY = 7
# Queue that the VM sends on, and the lane that it has.
QUEUE = 1


def load():
    """Loads what all ways need, but for vpc_hook."""
    if Path("/sys/module/vpc_hook").exists():
        raise RuntimeError("vpc_hook is loaded already, and may be in use")
    gre_devices.quiet()
    for name in ("tun", "bridge"):
        shell.load(name)
    shell.ours("mq_gre")


def empty():
    """Puts an empty configuration in the place of what vpc_hook has."""
    ctl = vpc.Vpc()
    ctl.say("begin")
    ctl.say("commit")


def unload_hook():
    if Path("/sys/module/vpc_hook").exists():
        # It stays for as long as it has ports.
        empty()
        run("rmmod vpc_hook")


def load_hook():
    """Loads vpc_hook; false if it was loaded."""
    loaded = Path("/sys/module/vpc_hook").exists()
    shell.load("nf_conntrack")
    shell.ours("vpc_hook")
    return not loaded


class Host:
    """A bridge with taps, and a tunnel on an uplink of its own."""

    def __init__(self, name, options, external):
        self.name, self._external = name, external
        self._options, self._stack = options, ExitStack()
        self.bridge, self.tunnel = f"br-{name}", f"gre-{name}"

    def __enter__(self):
        self.uplink = self._stack.enter_context(Uplink(self.name, self._options))
        queues = f"numtxqueues {self.uplink.queues} numrxqueues {self.uplink.queues}"
        ends = f"remote {self.uplink.remote} local {self.uplink.local} key {KEY}"
        self._add(self.tunnel, f"{queues} type mqgre {'external' if self._external else ends}")
        self._add(self.bridge, "type bridge forward_delay 0 mcast_snooping 0")
        self._join(self.tunnel)
        run(f"ip link set {self.bridge} up")
        return self

    def _add(self, dev, words):
        run(f"ip link add {dev} {words}")
        self._stack.callback(run, f"ip link del {dev}")

    def __exit__(self, *_):
        self._stack.close()

    def _join(self, dev):
        run(f"ip link set {dev} master {self.bridge}")
        run(f"bridge link set dev {dev} learning off flood off mcast_flood off")
        run(f"ip link set {dev} up")

    def tap(self, name, room=1000):
        """A new tap in the bridge."""
        tap = self._stack.enter_context(Tap(f"{name}-{self.name}", self.uplink.queues))
        tap.up(room)
        self._join(tap.dev)
        return tap

    def forward(self, mac, dev):
        """Has the bridge itself forward what is for mac."""
        run(f"bridge fdb replace {mac} dev {dev} master static")

    @contextmanager
    def passing(self, count, what):
        """So many packets leave by the uplink meanwhile."""
        def sent():
            return shell.link(self.uplink.dev)["stats64"]["tx"]["packets"]
        before = sent()
        yield
        arrived(sent() - before, count, what)

    def tenants(self, *taps):
        """Makes vpc_hook forward: the taps are ports, each of a VPC of its own."""
        ctl = vpc.Vpc()
        ctl.say("config-set", f"tunnel={shell.link(self.tunnel)['ifindex']}")
        for n, tap in enumerate(taps):
            ctl.say("vpc-new", f"id={KEY + n}")
            ctl.say("remote-new", f"vpc={KEY + n}", f"address={self.uplink.remote}")
            ctl.say("port-new", f"ifname={tap.dev}", f"vpc={KEY + n}", f"mac={VM}",
                    f"address=net:{VM_IP}")
            ctl.say("entry-new", f"vpc={KEY + n}", f"mac={PEER}",
                    f"remote={self.uplink.remote}")
        return ctl


def bulk(ctl, command, attributes):
    """Does requests without waiting for an answer, many with one system call.

    attributes are the bytes of each. What is refused is not noticed here.
    """
    for request in prepared(ctl, command, attributes):
        ctl.sock.send(request)


def prepared(ctl, command, attributes, size=1 << 16):
    """The same as bytes, to be sent one after the other."""
    head = struct.pack("=BBH", vpc.COMMANDS.index(command), 1, 0)
    found, request = [], bytearray()
    for body in attributes:
        length = 16 + len(head) + len(body)
        if len(request) + length > size:
            found.append(bytes(request))
            request.clear()
        request += struct.pack("=IHHII", length, ctl.family, nl.NLM_F_REQUEST, 0, 0)
        request += head + body
    return [*found, bytes(request)]


def words(command, *words):
    """The attributes of a request as bytes."""
    fields = vpc.fields_of(command)
    return b"".join(vpc.attribute(fields, word) for word in words)


def from_vm(host, tap, count, times=1):
    """From the tap's driver, which a system call gives the frame to, to the uplink.

    What the call itself takes, and whoever makes it, is taken off: it is made
    for a device that does nothing as well.
    """
    frame = frames.ethernet(PEER, VM, frames.ipv4(
        VM_IP, PEER_IP, 17, frames.udp(9, 9, bytes(18))))
    burst = [frame] * count

    def send(queue):
        start = time.monotonic_ns()
        tap.send(queue, burst)
        return time.monotonic_ns() - start

    with open("/dev/null", "wb", buffering=0) as nothing:
        tap.fds.append(nothing.fileno())
        call = repeat(times, lambda: send(-1))
        tap.fds.pop()
    with host.passing(count * times, f"{tap.dev}, written"):
        return (repeat(times, lambda: send(QUEUE)) - call) / count


def from_tap(host, tap, count, times=1, more=(), passes=True):
    """From the tap's receive in the stack to the uplink, without what a driver does."""
    def once():
        pktgen.clear()
        name = pktgen.add(tap.dev, 0, "xmit_mode netif_receive", f"src_mac {VM}", *more,
                          lane=QUEUE, count=count)
        pktgen.start()
        return pktgen.Result(name).ns()

    with host.passing(count * times * passes, f"{tap.dev}, received"):
        return repeat(times, once)


def to_vm(host, tap, count, times=1):
    """From the uplink's receive to the tap's ring."""
    injector, frame = Injector(host.uplink.dev), outer(host, KEY, 9)

    def once():
        start = time.monotonic_ns()
        injector.receive(frame, count)
        taken = time.monotonic_ns() - start
        arrived(sum(tap.take()), count, f"{tap.dev}, from the wire")
        return taken / count

    tap.take()
    return repeat(times, once)


def outer(host, key, port):
    """A frame as it comes from the wire for the VM."""
    inner = frames.ethernet(VM, PEER, frames.ipv4(
        PEER_IP, VM_IP, 17, frames.udp(port, 9, bytes(18))))
    return frames.ethernet(shell.link(host.uplink.dev)["address"], gre_devices.NEIGHBOUR,
                           frames.ipv4(host.uplink.remote, host.uplink.local,
                                       gre_rx.GRE, frames.gre(key, inner)))


def arrived(got, count, what):
    if got != count:
        raise RuntimeError(f"{what}: {got} of {count} frames arrived")
