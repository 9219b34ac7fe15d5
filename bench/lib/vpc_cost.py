# SPDX-License-Identifier: GPL-2.0
"""What vpc_hook costs without rules, over a bridge that forwards by static entries."""

from lib import vpc_ways
from lib.rounds import interleave

# "static, hook beside" has the module's hooks, and tenants that it is none of.
STATIC, BESIDE, HOOK = ROWS = ("static", "static, hook beside", "vpc_hook")
WRITTEN, RECEIVED, TO_VM = "VM to wire", "without tun's part", "wire to VM"


def way(options, report):
    """Cost of a packet each way, for who forwards it."""
    count, times = options["count"], options["repeat"]
    vpc_ways.load()
    with vpc_ways.Host("sta", options, external=False) as static, \
            vpc_ways.Host("vpc", options, external=True) as tenants:
        taps = {static: static.tap("tap", count), tenants: tenants.tap("tap", count)}
        static.forward(vpc_ways.PEER, static.tunnel)
        static.forward(vpc_ways.VM, taps[static].dev)

        def sample(row):
            if row == STATIC:
                vpc_ways.unload_hook()
            elif vpc_ways.load_hook():
                tenants.tenants(taps[tenants])
            host = tenants if row == HOOK else static
            calls = {RECEIVED: vpc_ways.from_tap, TO_VM: vpc_ways.to_vm}
            # In User-mode Linux the call takes many times what the packet does.
            if options["written"]:
                calls = {WRITTEN: vpc_ways.from_vm, **calls}
            return {column: call(host, taps[host], count, times)
                    for column, call in calls.items()}

        try:
            for row, number, values in interleave(options["rounds"], ROWS, sample):
                for column, value in values.items():
                    report.sample(row, value, "ns", column, number)
                report.say(f"round {number + 1} of {options['rounds']}, {row}: "
                           f"{', '.join(f'{value:.0f}' for value in values.values())}")
        finally:
            vpc_ways.unload_hook()
