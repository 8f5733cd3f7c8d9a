#!/usr/bin/env python3
"""Writes docs/reference.md from what the program says of itself: tools/make_reference.py [PROGRAM].

With --check it writes nothing and fails when the page is not up to date.
"""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reference.md"
STEPS = ("scan", "generate", "filter", "map", "project", "sort", "limit", "aggregate", "distinct", "union",
         "intersect", "except", "sample", "fill", "unpivot", "pivot", "unnest", "lateral",
         "window", "join", "sink")
TOPICS = [("steps", "Steps", "step"), *((step, f"Keys of {step}", "key") for step in STEPS),
          ("formats", "Formats", "format"), ("csv", "Options of csv", "option"), ("arrow", "Options of arrow", "option"),
          ("json", "Options of json", "option"), ("parquet", "Options of parquet", "option"),
          ("aggregates", "Aggregates", "aggregate"),
          ("windows", "Window functions", "function"), ("functions", "Functions and operators", "name")]


def cell(text):
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "\\<")


def section(program, topic, title, first):
    lines = subprocess.run([program, "help", topic], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    out = [f"## {title}", "", f"| {first} | form | what it is |", "|---|---|---|"]
    out += [f"| {' | '.join(cell(part) for part in row)} |" for row in rows]
    return "\n".join(out) + "\n"


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    program = names[0] if names else ROOT / "build/release/weir"
    page = "# Reference\n\nWritten by `tools/make_reference.py`; `weir help TOPIC` says the same.\n\n"
    page += "\n".join(section(program, *topic) for topic in TOPICS)
    if "--check" not in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page:
        print("docs/reference.md is not up to date: run tools/make_reference.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
