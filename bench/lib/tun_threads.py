# SPDX-License-Identifier: GPL-2.0
"""How many packets two CPUs bring to a VM at once, of many flows that are alive."""

from statistics import median_low

from lib import frames
from lib import pktgen
from lib.rounds import interleave
from lib.rounds import repeat
from lib.tun_ways import UPLINK
from lib.tun_ways import Host
from lib.tun_ways import check

# Alone: onto a dummy, which drops all there is. What is above that is the tap's.
ROWS = ("pktgen alone", "stock", "not managed", "managed", "mode ebpf")
# The mode of those that are led by lanes.
LED = {"managed": "ftrace", "mode ebpf": "ebpf"}
THREADS = (1, 2)
FIRST_PORT = 10000


def answers(thread, flows):
    """Frames of the VM, one for each flow that a thread brings."""
    return [frames.ethernet("02:00:00:00:00:98", "02:00:00:00:00:99", frames.ipv4(
        "198.19.0.2", "198.19.0.1", 17, frames.udp(9, port, bytes(18))))
        for port in ports(thread, flows)]


def ports(thread, flows):
    first = FIRST_PORT + thread * flows
    return range(first, first + flows)


def threads(options, report):
    """Packets per second of one CPU and of two, each with a lane and half of the flows.

    The VM has just sent a packet of each flow, on the queue that the flow's
    lane leads to: so tun knows as many of them as it can. Nobody reads
    meanwhile: who does has a CPU of their own on a host, but not here.
    """
    queues, count = options["queues"], options["count"]
    # More than is needed: pktgen would try forever to send what has no room.
    room = count + 1000
    flows = options["flows"] // len(THREADS)
    sent = [answers(thread, flows) for thread in range(len(THREADS))]

    def learn(tap):
        # In turn, so that both threads have their share of the entries.
        step = 64
        for at in range(0, flows, step):
            for queue, burst in enumerate(sent):
                tap.send(queue, burst[at:at + step])

    def send(row, tap, number):
        if tap:
            learn(tap)
        pktgen.clear()
        names = []
        for thread in range(number):
            span = ports(thread, flows)
            names.append(pktgen.add(
                tap.dev if tap else UPLINK, thread,
                f"udp_src_min {span.start}", f"udp_src_max {span.stop}",
                lane=host.lane_of(thread), count=count))
        pktgen.start()
        results = [pktgen.Result(name) for name in names]
        rate = sum(result.sent for result in results) * 1e6 / max(r.usec for r in results)
        if not tap:
            return rate
        check(row, tap.take(2 * queues), list(range(number)) if row in LED else None)
        tap.discard(room)
        if lost := sum(result.errors for result in results):
            raise RuntimeError(f"{row}: {lost} packets had no room in the rings")
        return rate

    with Host(queues, room) as host:
        taps = {row: host.tap(f"lanes-{n}") for n, row in enumerate(ROWS) if n}

        # The driver is patched while nothing is sent: QEMU's threads might keep
        # the breakpoint that stands in its code meanwhile.
        def sample(row):
            if row in ("pktgen alone", "stock"):
                host.unload()
            elif host.load():
                for led, mode in LED.items():
                    host.manage(taps[led], mode)
            return [repeat(options["repeat"], lambda: send(row, taps.get(row), number), median_low)
                    for number in THREADS]

        for row, number, rates in interleave(options["rounds"], ROWS, sample):
            for cpus, rate in zip(THREADS, rates):
                report.sample(row, rate, "packets/s", f"{cpus} thread{'s' * (cpus > 1)}", number)
            report.say(f"round {number + 1} of {options['rounds']}, {row}: "
                       f"{rates[-1]:,.0f} packets/s with {THREADS[-1]} threads")
