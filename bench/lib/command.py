# SPDX-License-Identifier: GPL-2.0
"""What the commands of bench/ have in common."""

import argparse
import os
import sys
import time
from pathlib import Path

from lib import places
from lib import plan
from lib import report
from lib.rounds import Samples
from lib.shell import ROOT

STATUS = """
The exit status is 0 when all was measured that was asked for, whatever came
out; with --check it is 1 if a bound is missed.
"""


def parser(name, about, notes):
    """A parser of what all of them take, and the group of options for --here."""
    options = argparse.ArgumentParser(
        prog=f"bench/{name}", description=about, epilog=notes + STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5, help="rounds of samples (default 5)")
    options.add_argument("--queues", type=int, default=4, help="queues of the uplink (default 4)")
    options.add_argument("--only", metavar="PART", action="append",
                         help="only the parts with this in their name; may be repeated")
    options.add_argument("--list", action="store_true", help="name the parts and end")
    options.add_argument("--json", metavar="FILE", type=Path,
                         default=ROOT / f"build/bench/{name}.json",
                         help=f"where the raw rounds go (default build/bench/{name}.json)")
    options.add_argument("--check", action="store_true", help="exit with 1 if a bound is missed")
    here = options.add_argument_group("on this machine itself, as root")
    here.add_argument("--here", action="store_true", help="measure here, not in guests")
    return options, here


def run(name, args, parts, bounds, **more):
    """Measures the parts, says what came out, and returns the exit status.

    bounds(samples, here) are what must be reached; more goes to the parts.
    """
    chosen = plan.choose(parts, args.only, args.here)
    if args.list or not chosen:
        print("\n".join(f"{part.name:15} {part.title}" for part in parts))
        return 0 if args.list else 2
    began = time.monotonic()

    def say(text):
        print(f"{name}: [{time.monotonic() - began:4.0f}s] {text}", file=sys.stderr, flush=True)

    samples, titles, failed = Samples(), {}, []
    options = {"rounds": args.rounds, "queues": args.queues, **more}
    wanted = [(part, "here" if args.here else part.place) for part in chosen]
    places.prepare(place for _, place in wanted)
    for place in dict.fromkeys(place for _, place in wanted):
        calls = []
        for part in (part for part, where in wanted if where == place):
            titles[place, part.function] = part.title
            calls.append((part.module, part.function, {**part.options, **options}))
        say(f"{place}: {', '.join(call[1] for call in calls)}")
        failed += [f"{part} in {place}" for part in places.run(place, calls, samples, say)]
    lines = bounds(samples, args.here)
    about = {"rounds": args.rounds, "queues": args.queues, "failed": failed,
             "kernel": os.uname().release if args.here else None, "load": os.getloadavg()}
    report.save(args.json, samples, lines, about)
    print(report.samples_table(samples, titles))
    print(report.bounds_table(lines))
    print(f"\nraw rounds: {args.json}")
    if failed:
        print(f"failed: {', '.join(failed)}")
        return 1
    return int(args.check and not all(line["ok"] for line in lines))


def exit_with(name, main):
    """Runs main to the end of the program."""
    try:
        sys.exit(main())
    except places.PlaceError as problem:
        sys.exit(f"{name}: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
