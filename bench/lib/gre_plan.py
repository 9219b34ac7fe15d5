# SPDX-License-Identifier: GPL-2.0
"""The parts of bench/gre: what is run where, and how long."""

from lib.plan import part

ICOUNT = {"place": "icount", "repeat": 1}
NATIVE = {"place": "uml", "repeat": 3, "here": True}
# Shorter than the time slices of a busy machine, so that some are undisturbed.
SHORT = {**NATIVE, "count": 5000, "repeat": 300}

PARTS = (
    part("icount-tx", call="gre_tx.tx", count=5000, size=60, **ICOUNT,
         title="transmit, 60 bytes: instructions per packet"),
    part("icount-rx", call="gre_rx.rx", count=5000, size=60, **ICOUNT,
         title="receive, 60 bytes: instructions per frame"),
    part("icount-foreign", call="gre_foreign.foreign", count=5000, **ICOUNT,
         title="receive, UDP of this host's own: instructions per packet"),
    part("icount-gso", call="gre_gso.gso_tx", count=480, **ICOUNT,
         title="transmit, 64 kB to be cut: instructions per frame"),
    part("native-tx", call="gre_tx.tx", count=100000, size=60, **NATIVE,
         title="transmit, 60 bytes: native ns per packet"),
    part("native-tx-1024", call="gre_tx.tx_1024", count=100000, size=1024, **NATIVE,
         title="transmit, 1,024 bytes: native ns per packet"),
    part("native-gso", call="gre_gso.gso_tx", count=3200, **NATIVE,
         title="transmit, 64 kB to be cut: native ns per frame"),
    part("native-rx", call="gre_rx.rx", size=60, **SHORT,
         title="receive, 60 bytes: native ns per frame"),
    part("native-foreign", call="gre_foreign.foreign", count=100000, **NATIVE,
         title="receive, UDP of this host's own: native ns per packet"),
    part("native-threads", "uml-smp", call="gre_threads.threads", here=True,
         seconds=0.5, repeat=3,
         title="two CPUs at native speed: packets per second, together"),
    part("native-lanes", "uml-smp", call="gre_lanes.lanes", here=True, packets=10_000_000,
         title="packets under an XPS that would send them elsewhere"),
    part("tcg-threads", "tcg", call="gre_threads.threads", seconds=1, repeat=3,
         title="two CPUs, stock kernel, emulated: packets per second, together"),
)
