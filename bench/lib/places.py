# SPDX-License-Identifier: GPL-2.0
"""Where a part of a benchmark can run.

    here      on this machine, as it is
    icount    stock kernel; the clock counts instructions
    tcg       stock kernel with two CPUs, emulated
    uml       User-mode Linux without SMP, at native speed
    uml-smp   User-mode Linux with two CPUs
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from lib.shell import ROOT

WORKER = "bench/lib/worker.py"
UML = {"uml": "up", "uml-smp": "smp"}


class PlaceError(Exception):
    """A place that could not be set up, or a part that failed in it."""


def prepare(places):
    """Builds what the places need; done at once if nothing has changed."""
    places = set(places)
    if {"icount", "tcg"} & places:
        _call(["make", "--silent", "guest"])
    if set(UML) & places:
        _call([f"{ROOT}/scripts/build-programs"])
        for place, kind in UML.items():
            if place in places:
                _call([f"{ROOT}/scripts/prepare-uml", "--only", kind])


def _call(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise PlaceError(f"{command[0]} failed")


def busy(seconds=1):
    """The share of this machine's CPUs that others use."""
    def times():
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        return sum(map(int, fields)), int(fields[3]) + int(fields[4])
    total, idle = times()
    time.sleep(seconds)
    later, later_idle = times()
    return 1 - (later_idle - idle) / (later - total)


def _vm(*options):
    return [f"{ROOT}/scripts/vm", "--mem", "2048", "--timeout", "3600", *options,
            "--", "python3", f"/lanes/{WORKER}"]


def _uml(kind):
    return [f"{ROOT}/scripts/uml", kind, "--", "python3", f"{ROOT}/{WORKER}"]


def _command(place):
    return {
        "here": lambda: [sys.executable, f"{ROOT}/{WORKER}"],
        "icount": lambda: _vm("--accel", "icount"),
        "tcg": lambda: _vm("--accel", "tcg", "--cpus", "2"),
        "uml": lambda: _uml(UML["uml"]),
        "uml-smp": lambda: _uml(UML["uml-smp"]),
    }[place]()


def run(place, calls, samples, say):
    """Runs calls, a list of (module, function, options), in a place.

    Their samples are added to samples. Returns the functions that failed.
    """
    command = [*_command(place), json.dumps(calls)]
    if place != "icount" and (share := busy()) > 0.1:
        say(f"{place}: {share:.0%} of this machine is busy: times will vary")
    failed, ended = [], False
    with subprocess.Popen(command, cwd=ROOT, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1")) as child:
        for line in child.stdout:
            kind, _, text = line.strip().partition(" ")
            if kind == "@":
                sample = json.loads(text)
                if sample:
                    samples.add({"place": place, **sample})
                ended = not sample
            elif kind == "!":
                failed.append(text)
            elif kind == "#":
                say(f"{place}: {text}")
            elif line.strip():
                say(f"{place}: | {line.rstrip()}")
    if child.returncode or not ended:
        say(f"{place}: ended with status {child.returncode}")
        return [function for _, function, _ in calls]
    return failed
