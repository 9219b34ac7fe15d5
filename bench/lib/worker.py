#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs parts of a benchmark in the place where it stands.

usage: worker.py PARTS

PARTS is JSON, a list of [module, function, options]. Each is called as
lib.module.function(options, report). Results go to the standard output as
lines of "@ JSON", words for the user as "# TEXT", and the name of a part that
failed as "! NAME".
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

from lib import shell


class Report:
    """What a part says: samples, and what it is doing."""

    def __init__(self, part):
        self.part = part

    def sample(self, row, value, unit, column="", number=0):
        line = {"part": self.part, "column": column, "row": row,
                "round": number, "value": value, "unit": unit}
        print("@", json.dumps(line), flush=True)

    def say(self, text):
        print("#", text, flush=True)


def main():
    for module, part, options in json.loads(sys.argv[1]):
        report = Report(part)
        try:
            getattr(importlib.import_module(f"lib.{module}"), part)(options, report)
        except Exception:  # the other parts may still work
            traceback.print_exc(file=sys.stdout)
            print("!", part, flush=True)
        finally:
            shell.restore()
    print("@ {}", flush=True)


if __name__ == "__main__":
    main()
