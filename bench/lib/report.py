# SPDX-License-Identifier: GPL-2.0
"""The benchmark's results, for people and for programs."""

import json
import operator
from statistics import median

from lib.rounds import spread

OPS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


def bound(name, value, op, limit, note=""):
    """One line of what must be reached; a value of None was not measured."""
    return {"name": name, "value": value, "op": op, "bound": limit,
            "ok": value is not None and OPS[op](value, limit), "note": note}


def columns(rows):
    """Lines with the cells of a table in line: the first column to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    for row in rows:
        _, *rest = (cell.rjust(width) for cell, width in zip(row, widths))
        yield "  ".join([row[0].ljust(widths[0]), *rest]).rstrip()


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def samples_table(samples, titles):
    """One block for each place and part: medians with their spread."""
    lines = []
    for place, part in dict.fromkeys(key[:2] for key in samples.keys()):
        keys = [key for key in samples.keys() if key[:2] == (place, part)]
        heads = list(dict.fromkeys(key[2] for key in keys))
        unit = samples.unit(keys[0])
        title = titles.get((place, part), f"{part} in {place}, {unit}")
        table = [[title, *heads]]
        for row in dict.fromkeys(key[3] for key in keys):
            cells = []
            for head in heads:
                values = samples.get(place, part, head, row)
                cells.append(f"{number(median(values))} ±{spread(values) * 100:.1f} %"
                             if values else "-")
            table.append([f"  {row}", *cells])
        lines += [*columns(table), ""]
    return "\n".join(lines)


def bounds_table(bounds):
    """The lines of what must be reached, and how far each is."""
    table = [["must reach", "value", "bound", ""]]
    for line in bounds:
        word = "ok" if line["ok"] else "not measured" if line["value"] is None else "MISS"
        table.append([f"  {line['name']}", number(line["value"]),
                      f"{line['op']} {line['bound']}", word])
    notes = ["", *(line["note"] for line in bounds)]
    return "\n".join(f"{row}  {note}".rstrip() for row, note in zip(columns(table), notes))


def save(path, samples, bounds, about):
    """Writes the raw rounds and the bounds as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**about, "bounds": bounds, "samples": samples.raw}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
