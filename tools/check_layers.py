#!/usr/bin/env python3
"""Checks every #include of src, plugins, cli, server and python against the layer table.

The table is read from docs/ARCHITECTURE.md (the text block under "Allowed includes"), so the
document cannot drift from the code. Exit code 1 and one line per violation.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([A-Za-z0-9_./-]+)[">]')
DOORS = ("cli", "server", "python")
PLUGIN_LIST = re.compile(r"plugins/builtin\.(def|h)$")


def read_table(document):
    """{folder: set of folders it may include}; `include` stands for include/weir."""
    text = document.read_text(encoding="utf-8")
    match = re.search(r"^#+ Allowed includes$.*?^```text\n(.*?)^```", text, re.M | re.S)
    if not match:
        sys.exit(f"{document}: no text block under a heading 'Allowed includes'")
    table = {}
    for line in match[1].splitlines():
        left, arrow, right = line.partition("→")
        if not arrow:
            sys.exit(f"{document}: not a row of the table: {line!r}")
        allowed = set(re.sub(r"\(.*\)", "", right).split())
        for folder in left.split():
            table[folder] = {"include"} if "include/weir" in right else allowed
    table["api"].add("include")
    return table


def check_acyclic(table):
    """The rows that are left when folders without dependencies are taken away, again and again."""
    left = dict(table)
    while True:
        done = [f for f, below in left.items() if not below & set(left)]
        if not done:
            return [f"docs/ARCHITECTURE.md: {f} is part of a cycle" for f in sorted(left)]
        for folder in done:
            del left[folder]


def home_of(path):
    """(row of the table, folder inside which includes are free) of a source file."""
    parts = path.parts
    if parts[0] == "src":
        return parts[1], parts[1]
    if parts[0] == "plugins":
        own = "/".join(parts[:3]) if len(parts) > 3 else "plugins"
        return "plugins/*", own
    return parts[0], parts[0]


def judge(path, name, table, src_folders):
    """Why this include is not allowed, or None."""
    row, own = home_of(path)
    if row == "plugins/*" and len(path.parts) <= 2:
        return None  # plugins/builtin.*: the list itself names every plug-in
    folder = name.split("/")[0]
    if "/" not in name or name.startswith(own + "/"):
        return None
    if folder == "weir":
        return None if "include" in table[row] else f"{row} may not include include/weir"
    if folder == "plugins":
        if row == "session" and PLUGIN_LIST.match(name):
            return None
        return f"{row} may not include a plug-in"
    if folder not in src_folders:
        return None  # the system's
    if row not in table:
        return f"{row} is not in the layer table"
    if folder not in table[row]:
        return f"{row} may not include {folder}"
    if name.endswith("_priv.h"):
        return f"{name} is private to {folder}"
    return None


def sources():
    for top in ("src", "plugins") + DOORS:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".c", ".h", ".def", ".inc"):
                yield path.relative_to(ROOT)


def main():
    table = read_table(ROOT / "docs/ARCHITECTURE.md")
    src_folders = {p.name for p in (ROOT / "src").iterdir() if p.is_dir()}
    problems = check_acyclic(table)
    problems += [f"src/{name}: not in the layer table" for name in sorted(src_folders - set(table))]
    for path in sources():
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            reason = match and judge(path, match[1], table, src_folders)
            if reason:
                problems.append(f"{path}:{number}: {reason}")
    print("\n".join(problems) if problems else f"layers: {len(table)} rows hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
