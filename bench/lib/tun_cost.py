# SPDX-License-Identifier: GPL-2.0
"""What it costs to bring a packet to the VM's ring, and to take one from the VM."""

import time

from lib import frames
from lib import pktgen
from lib.rounds import interleave
from lib.tun_ways import Host
from lib.tun_ways import check

TO_VM, FROM_VM = "wire to VM", "VM to wire"
# Queue of the VM that its lane leads to, and that it sends on.
QUEUE = 1
# Queue of a steering program.
STEERED = 3


def stages(host):
    """Yields rows for each state of the host: (tap, the queues of packets to the VM).

    Those without the module come first, when it has never been there.
    """
    tap, programmed = host.tap("lanes-tap"), host.tap("lanes-program")
    programmed.steer(STEERED)
    yield {"stock": (tap, None), "stock, its own program": (programmed, [STEERED])}
    host.load()
    unmanaged, ebpf = host.tap("lanes-not"), host.tap("lanes-ebpf")
    for managed, mode in (tap, "ftrace"), (programmed, "ftrace"), (ebpf, "ebpf"):
        host.manage(managed, mode)
    yield {"not managed": (unmanaged, None), "managed": (tap, [QUEUE]),
           "managed, its own program": (programmed, [STEERED]), "mode ebpf": (ebpf, [QUEUE])}
    host.unload()
    yield {"after rmmod": (tap, None)}
    if host.patched():
        tap, unmanaged = host.tap("lanes-patch"), host.tap("lanes-off")
        host.load()
        host.manage(tap, "patch")
        yield {"patched tun, off": (unmanaged, None), "patched tun, managed": (tap, [QUEUE])}


def to_vm(host, row, tap, expected, count):
    """From the queueing of a packet to the tap's ring; the reader comes later."""
    pktgen.clear()
    name = pktgen.add(tap.dev, 0, lane=host.lane_of(QUEUE), count=count)
    pktgen.start()
    result = pktgen.Result(name)
    counts = tap.take()
    if sum(counts) != count:
        raise RuntimeError(f"{row}: {count} packets sent, {sum(counts)} came")
    check(row, counts, expected)
    return result.ns()


def from_vm(tap, frame, count):
    """From the system call that writes a packet to its drop in the stack: it is for no one."""
    burst = [frame] * count
    start = time.monotonic_ns()
    tap.send(QUEUE, burst)
    return (time.monotonic_ns() - start) / count


def cost(options, report):
    """Cost of a packet each way, for a tap in each state."""
    count = options["count"]
    frame = frames.ethernet("02:00:00:00:00:98", "02:00:00:00:00:99", frames.ipv4(
        "198.19.0.2", "198.19.0.1", 17, frames.udp(9, 9, bytes(18))))
    with Host(options["queues"], 2 * count) as host:
        for rows in stages(host):
            def sample(row):
                tap, expected = rows[row]
                return {TO_VM: to_vm(host, row, tap, expected, count),
                        FROM_VM: from_vm(tap, frame, count)}

            for row, number, values in interleave(options["rounds"], rows, sample):
                for column, value in values.items():
                    report.sample(row, value, "ns", column, number)
                report.say(f"round {number + 1} of {options['rounds']}, {row}: {values[TO_VM]:.0f}")
