#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sends requests of garbage to the family "tun_mq".

usage: tunmq_garbage.py COUNT DEV...

Commands, attributes and lengths at random, among them the indices and names of
the devices, so that some requests get far. Fails if an answer is none, or a
refusal of what got through the core's checks has no text.
"""

import os
import random
import socket
import struct
import sys

import genl
import nl
import tunmq

# The core's own refusals: it has no text for these.
SILENT = ("EOPNOTSUPP", "ENOTSUP")


def some_attribute(rng, devices):
    """One attribute, mostly one that is known."""
    kind = rng.choice((1, 1, 2, 2, 3, 3, 6, 8, 9, 10, rng.randrange(0, 40),
                       rng.randrange(0, 1 << 16)))
    name = rng.choice(devices)
    content = rng.choice((
        struct.pack("=I", socket.if_nametoindex(name)),
        name.encode() + b"\0",
        name.encode(),
        struct.pack("=I", rng.randrange(0, 6)),
        struct.pack("=I", rng.randrange(0, 1 << 32)),
        b"",
        rng.randbytes(rng.randrange(0, 40)),
    ))
    made = nl.attr(kind, content)
    if rng.random() < 0.05:
        # A length that is not true.
        made = struct.pack("=H", rng.randrange(0, 1 << 16)) + made[2:]
    return made


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    seed = int(os.environ.get("KSFT_SEED", "20250607"))
    print(f"KSFT_SEED={seed}")
    rng = random.Random(seed)
    devices = sys.argv[2:]
    mq = tunmq.TunMq()
    done = refused = 0
    for _ in range(int(sys.argv[1])):
        body = b"".join(some_attribute(rng, devices) for _ in range(rng.randrange(0, 5)))
        if rng.random() < 0.05:
            body = rng.randbytes(rng.randrange(0, 60))
        try:
            mq.request(rng.choice((1, 2, 2, 2, 3, 4, rng.randrange(256))), body,
                       rng.choice((0, 0, 0, genl.NLM_F_DUMP)))
            done += 1
        except nl.NetlinkError as e:
            refused += 1
            if not e.text and e.name not in SILENT:
                raise SystemExit(f"no text: {e}, request {body.hex()}") from e
        mq.dump()
    print(f"{done} done, {refused} refused")
    if not done or not refused:
        raise SystemExit("one kind is missing")


if __name__ == "__main__":
    main()
