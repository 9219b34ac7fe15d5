# SPDX-License-Identifier: GPL-2.0
"""The parts of bench/tun: what is run where, and how long."""

from lib.plan import part

PARTS = (
    part("icount", "icount", "tun_cost.cost", count=2000,
         title="60 bytes: instructions per packet"),
    part("tcg-threads", "tcg", "tun_threads.threads", here=True,
         count=25_000, flows=10_000, repeat=3,
         title="wire to VM, 10,000 live flows, emulated: packets per second, together"),
)
