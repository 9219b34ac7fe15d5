# SPDX-License-Identifier: GPL-2.0
"""The parts of bench/gre: what is run where, and how long."""

from collections import namedtuple

# A part runs lib.MODULE.FUNCTION(options) in a place. Those with here are also
# what --here runs: each function once.
Part = namedtuple("Part", "name place module function options here title")

PARTS = (
    Part("icount-tx", "icount", "gre_tx", "tx", {"count": 5000, "size": 60}, True,
         "transmit, 60 bytes: instructions per packet"),
    Part("icount-rx", "icount", "gre_rx", "rx", {"count": 5000, "size": 60}, True,
         "receive, 60 bytes: instructions per frame"),
    Part("icount-foreign", "icount", "gre_foreign", "foreign", {"count": 5000}, True,
         "receive UDP of this host's own: instructions per packet"),
    Part("icount-gso", "icount", "gre_gso", "gso_tx", {"count": 480}, True,
         "transmit, 64 kB to be cut: instructions per frame"),
    Part("native-tx", "uml", "gre_tx", "tx", {"count": 300000, "size": 60}, False,
         "transmit, 60 bytes: native ns per packet"),
    Part("native-tx-1024", "uml", "gre_tx", "tx_1024", {"count": 300000, "size": 1024}, True,
         "transmit, 1,024 bytes: native ns per packet"),
    Part("native-gso", "uml", "gre_gso", "gso_tx", {"count": 8000}, False,
         "transmit, 64 kB to be cut: native ns per frame"),
    Part("native-rx", "uml", "gre_rx", "rx", {"count": 200000, "size": 60}, False,
         "receive, 60 bytes: native ns per frame"),
    Part("native-threads", "uml-smp", "gre_threads", "threads", {"seconds": 1.5}, True,
         "two CPUs at native speed: packets per second, together"),
    Part("native-lanes", "uml-smp", "gre_lanes", "lanes", {"packets": 10_000_000}, True,
         "packets under an XPS that would send them elsewhere"),
    Part("tcg-threads", "tcg", "gre_threads", "threads", {"seconds": 3}, False,
         "two CPUs, stock kernel, emulated: packets per second, together"),
)


def choose(only, here):
    """The parts whose names contain one of the words; all without words."""
    parts = [part for part in PARTS if part.here or not here]
    if only:
        parts = [part for part in parts if any(word in part.name for word in only)]
    return parts
