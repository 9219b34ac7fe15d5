# SPDX-License-Identifier: GPL-2.0
"""What the rules of a port cost, by their number."""

import random

from lib import vpc_ways
from lib.rounds import interleave

ROWS = {"no rules": 0, "10 rules": 10, "10,000 rules": 10_000}
NONE, FEW, MANY = ROWS
# Networks and ports that rules are about.
NET, PORTS = "198.19", (1024, 4095)
ANYWHERE = (f"dst_min {NET}.1.0", f"dst_max {NET}.254.255", "flag IPDST_RND")
# What the VM sends: flows that go on, to one port (pktgen's flows keep addresses, but no ports); or
# each packet to another address and port.
FLOWS, EACH = TRAFFIC = {
    "256 flows": (*ANYWHERE, "flows 256", "flowlen 1000000", "udp_src_max 1024",
                  "udp_dst_min 2000", "udp_dst_max 2000"),
    "each packet another": (*ANYWHERE, f"udp_dst_min {PORTS[0]}", f"udp_dst_max {PORTS[1]}",
                            "flag UDPDST_RND"),
}
UDP, TCP = 17, 6


def rules(count, seed=1):
    """Words of count rules; all UDP that packets consist of is allowed, by one or the other."""
    choose = random.Random(seed)
    for priority in range(1, count):
        length = choose.choice((20, 24, 28, 32))
        host = choose.getrandbits(16) >> (32 - length) << (32 - length)
        first = choose.randint(*PORTS)
        last = choose.choice((first, choose.randint(first, PORTS[1])))
        udp = choose.random() < 0.5
        yield (f"priority={priority}", "direction=0", f"action={udp:d}", "ethertype=0x0800",
               f"protocol={UDP if udp else TCP}",
               f"dst=net:{NET}.{host >> 8}.{host & 255}/{length}",
               f"dport-min={first}", f"dport-max={last}")
    yield (f"priority={count}", "direction=0", "action=1")


def give(ctl, tap, key, count):
    """Gives a port an ACL with so many rules."""
    name = f"rules-{count}"
    ctl.say("begin", "copy")
    ctl.say("acl-new", f"name={name}")
    vpc_ways.bulk(ctl, "rule-new", (vpc_ways.words("rule-new", f"acl={name}", *rule)
                                    for rule in rules(count)))
    ctl.say("port-new", "replace", f"ifname={tap.dev}", f"vpc={key}", f"mac={vpc_ways.VM}",
            f"address=net:{vpc_ways.VM_IP}", f"acl={name}")
    ctl.say("commit")
    there, = ctl.say("acl-get", f"name={name}")
    if there["rules"] != count:
        raise RuntimeError(f"{there['rules']} of {count} rules are there")


def rules_of_a_port(options, report):
    """Cost of a packet whose port has more or fewer rules."""
    vpc_ways.load()
    vpc_ways.load_hook()
    with vpc_ways.Host("rul", options, external=True) as host:
        taps = {row: host.tap(f"tap{n}") for n, row in enumerate(ROWS)}
        try:
            ctl = host.tenants(*taps.values())
            for n, (row, count) in enumerate(ROWS.items()):
                if count:
                    give(ctl, taps[row], vpc_ways.KEY + n, count)

            def sample(row):
                return {column: vpc_ways.from_tap(host, taps[row], options["count"],
                                                  options["repeat"], traffic)
                        for column, traffic in TRAFFIC.items()}

            for row, number, values in interleave(options["rounds"], ROWS, sample):
                for column, value in values.items():
                    report.sample(row, value, "ns", column, number)
                report.say(f"round {number + 1} of {options['rounds']}, {row}: "
                           f"{', '.join(f'{value:.0f}' for value in values.values())}")
        finally:
            vpc_ways.unload_hook()
