# SPDX-License-Identifier: GPL-2.0
"""Commands of the system, called by the part of a benchmark that measures."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*words, check=True):
    """Runs a command and returns what it printed. Words may hold blanks."""
    words = " ".join(str(word) for word in words).split()
    env = dict(os.environ, LC_ALL="C", IP_LIB_DIR=str(ROOT / "build/lib"))
    done = subprocess.run(words, env=env, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


def load(module):
    """Loads a kernel module, unless it is there or built in."""
    if not Path("/sys/module", module.replace("-", "_")).exists():
        run("modprobe", module, check=False)


def insert(path):
    """Loads a module from its file, unless it is loaded."""
    if not Path("/sys/module", Path(path).stem).exists():
        # What modprobe would load first.
        for name in ("udp_tunnel", "ip6_udp_tunnel"):
            load(name)
        run("insmod", path)


def ours(name):
    """Loads a module of the project: as built, else as installed."""
    modules = os.environ.get("LANES_MODULES") or f"{ROOT}/build/modules/{os.uname().release}"
    if os.path.exists(f"{modules}/{name}.ko"):
        insert(f"{modules}/{name}.ko")
    else:
        load(name)


_old = {}


def sysctl(name, value):
    """Sets one of the kernel's settings, until restore()."""
    path = Path("/proc/sys", *name.split("."))
    _old.setdefault(path, path.read_text(encoding="ascii"))
    path.write_text(f"{value}\n", encoding="ascii")


def restore():
    """Puts all settings back to what they were."""
    while _old:
        path, value = _old.popitem()
        path.write_text(value, encoding="ascii")


def link(dev):
    """What `ip` says about a device."""
    return json.loads(run(f"ip -j -s link show {dev}"))[0]


def sent(dev):
    """Packets that a device of the first namespace has sent."""
    return int(Path("/sys/class/net", dev, "statistics/tx_packets").read_text(encoding="ascii"))


class Namespace:
    """A new network namespace, and the one that this thread was in."""

    def __init__(self):
        with open("/proc/thread-self/ns/net", "rb") as old:
            self._old = os.dup(old.fileno())
            os.unshare(os.CLONE_NEWNET)
        with open("/proc/thread-self/ns/net", "rb") as new:
            self._new = os.dup(new.fileno())
        run("ip link set lo up")
        self.leave()

    def enter(self):
        os.setns(self._new, os.CLONE_NEWNET)

    def leave(self):
        os.setns(self._old, os.CLONE_NEWNET)

    def __enter__(self):
        self.enter()
        return self

    def __exit__(self, *_):
        self.leave()
