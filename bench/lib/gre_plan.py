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
    Part("native-tx", "uml", "gre_tx", "tx", {"count": 300000, "size": 60}, False,
         "transmit, 60 bytes: native ns per packet"),
    Part("native-rx", "uml", "gre_rx", "rx", {"count": 200000, "size": 60}, False,
         "receive, 60 bytes: native ns per frame"),
)


def choose(only, here):
    """The parts whose names contain one of the words; all without words."""
    parts = [part for part in PARTS if part.here or not here]
    if only:
        parts = [part for part in parts if any(word in part.name for word in only)]
    return parts
