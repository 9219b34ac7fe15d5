# SPDX-License-Identifier: GPL-2.0
"""Lets one allocation after the other fail in a call.

The 1st allocation of one system call fails, then the 2nd of the same call, and
so on until the call has no more of them (/proc/thread-self/fail-nth).
"""

import os

import nl

MOST = 2000


class Faults:
    """Counts down to the allocation of this thread that is to fail."""

    def __init__(self):
        self.file = os.open("/proc/thread-self/fail-nth", os.O_RDWR)

    def call(self, nth, func):
        """Returns whether the nth allocation was reached, and the error."""
        error = None
        os.pwrite(self.file, b"%d" % nth, 0)
        try:
            func()
        except (nl.NetlinkError, OSError) as e:
            error = e
        left = int(os.pread(self.file, 16, 0))
        os.pwrite(self.file, b"0", 0)
        return left == 0, error


def sweep(call, after):
    """Calls with each allocation failing; after(nth, error) looks at what came of
    it, the last time when none has failed. Returns how many have."""
    faults = Faults()
    for nth in range(1, MOST):
        reached, error = faults.call(nth, call)
        after(nth, error)
        if not reached:
            return nth - 1
    raise SystemExit(f"more than {MOST} allocations in one call")
