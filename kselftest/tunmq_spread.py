#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Random steps on live taps, each held against the promise.

usage: tunmq_spread.py STEPS LANES[,LANES...]

For each number of lanes there is a dummy device lanesN. Taps come and go,
change their number of queues, are let go, pinned, weighted and rebalanced.
After each step: a tap that was given lanes without a base has one that leaves
the smallest difference between the fullest and the emptiest lane of all; and
no other tap has moved, but by a rebalance, and then no pinned one, and as many
as were said.
"""

import os
import random
import socket
import sys

import tap_hold
import tunmq


class Model:
    """What taps should be like."""

    def __init__(self, lanes, uplink, rng):
        self.lanes, self.uplink, self.rng = lanes, uplink, rng
        self.mq = tunmq.TunMq()
        self.holder = tap_hold.Holder()
        self.taps = {}
        self.made = 0

    def loads(self, leave_out=None):
        load = [0] * self.lanes
        for name, tap in self.taps.items():
            if "base" in tap and name != leave_out:
                self.add(load, tap["base"], tap["queues"], tap["weight"])
        return load

    def add(self, load, base, queues, weight):
        for q in range(queues):
            load[(base + q) % self.lanes] += weight

    def difference(self, name, base):
        load = self.loads(name)
        self.add(load, base, self.taps[name]["queues"], self.taps[name]["weight"])
        return max(load) - min(load)

    def check(self):
        """All taps are as they should be, and nothing else has lanes."""
        seen = {tap["ifname"]: tap for tap in self.mq.dump()
                if tap["uplink"] == self.uplink}
        want = {name: tap for name, tap in self.taps.items() if "base" in tap}
        assert seen.keys() == want.keys(), (seen.keys(), want.keys())
        for name, tap in want.items():
            got = seen[name]
            assert got["base"] == tap["base"], (name, got, tap)
            assert got["num_queues"] == tap["queues"] == len(got["queues"]), (got, tap)
            assert got["lanes"] == self.lanes and got["weight"] == tap["weight"]
            assert got.get("pinned", False) == tap["pinned"], (got, tap)
            for queue in got["queues"]:
                assert queue["lane"] == (tap["base"] + queue["index"]) % self.lanes

    # The steps.

    def come(self):
        name = f"r{self.lanes}x{self.made}"
        self.made += 1
        queues = self.rng.choice((1, 2, 3, 4, 4, 4, 8))
        self.holder.add(name, queues)
        self.taps[name] = {"queues": queues, "weight": 1, "pinned": False}
        self.settle(name)

    def settle(self, name):
        """Lanes for a tap that has none."""
        tap = self.taps[name]
        words = {"uplink": self.uplink}
        if self.rng.random() < 0.15:
            words["weight"] = tap["weight"] = self.rng.randrange(1, 5)
        if self.rng.random() < 0.1:
            words["base"] = self.rng.randrange(self.lanes)
            tap["pinned"] = True
        self.mq.set(name, **words)
        base = self.mq.get(name)["base"]
        if tap["pinned"]:
            assert base == words["base"]
        else:
            best = min(self.difference(name, b) for b in range(self.lanes))
            chosen = self.difference(name, base)
            assert chosen == best, f"{name}: base {base} leaves {chosen}, not {best}"
        tap["base"] = base

    def go(self):
        name = self.rng.choice(list(self.taps))
        self.holder.drop(name)
        del self.taps[name]

    def let_go(self):
        name = self.rng.choice(list(self.taps))
        tap = self.taps[name]
        if "base" in tap:
            self.mq.unset(name)
            tap.update(weight=1, pinned=False)
            del tap["base"]
        else:
            self.settle(name)

    def queues(self):
        name = self.rng.choice(list(self.taps))
        tap = self.taps[name]
        if tap["queues"] > 1 and self.rng.random() < 0.5:
            self.holder.close(name)
            tap["queues"] -= 1
        else:
            self.holder.more(name)
            tap["queues"] += 1

    def rebalance(self):
        load = self.loads()
        before = max(load) - min(load)
        moved = self.mq.rebalance()
        count = 0
        for tap in self.mq.dump():
            ours = self.taps.get(tap["ifname"])
            if ours and ours.get("base") != tap["base"]:
                assert not ours["pinned"], tap
                ours["base"] = tap["base"]
                count += 1
        assert count == moved, f"{count} have moved, {moved} were said"
        load = self.loads()
        assert max(load) - min(load) <= before

    def step(self):
        if len(self.taps) < 3:
            self.come()
        else:
            steps = [self.come] * (6 if len(self.taps) < 24 else 0)
            steps += [self.go] * 5 + [self.let_go] * 3 + [self.queues] * 3 + [self.rebalance]
            self.rng.choice(steps)()
        self.check()


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    for lanes in map(int, sys.argv[2].split(",")):
        seed = int(os.environ.get("KSFT_SEED", "20250607")) + lanes
        print(f"lanes {lanes}, KSFT_SEED={seed - lanes}")
        model = Model(lanes, socket.if_nametoindex(f"lanes{lanes}"), random.Random(seed))
        for _ in range(int(sys.argv[1])):
            model.step()
        # Only by coming, there is never more than 1 between the lanes.
        for name in list(model.taps):
            model.holder.drop(name)
        model.taps.clear()
        for _ in range(10):
            name = f"r{lanes}x{model.made}"
            model.made += 1
            model.holder.add(name, model.rng.randrange(1, 9))
            model.taps[name] = {"queues": len(model.holder.taps[name]), "weight": 1,
                                "pinned": False}
            model.mq.set(name, uplink=model.uplink)
            model.taps[name]["base"] = model.mq.get(name)["base"]
            load = model.loads()
            assert max(load) - min(load) <= 1, load
            model.check()


if __name__ == "__main__":
    main()
