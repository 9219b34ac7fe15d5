#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs one part of a benchmark in the place where it stands.

usage: worker.py MODULE PART OPTIONS

Calls lib.MODULE.PART(options, report), OPTIONS being JSON. Results go to the
standard output as lines of "@ JSON", words for the user as "# TEXT".
"""

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


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
    module, part, options = sys.argv[1:]
    run = getattr(importlib.import_module(f"lib.{module}"), part)
    run(json.loads(options), Report(part))
    print("@ {}", flush=True)


if __name__ == "__main__":
    main()
