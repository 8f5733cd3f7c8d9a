#!/usr/bin/env python3
"""Lists, structs and maps of any depth that weir writes as Parquet, read by PyArrow and DuckDB.

parquet_write_nested.py [--seed N] [--runs N]
"""
import json
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.conformance import run_seeds  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402

LEAVES = {
    "Int64": lambda rng: rng.choice([rng.randint(-2**60, 2**60), rng.randint(0, 9)]),
    "Int8": lambda rng: rng.randint(-128, 127),
    "Float64": lambda rng: rng.choice([rng.uniform(-5, 5), 0.5]),
    "Boolean": lambda rng: rng.random() < 0.5,
    "Utf8": lambda rng: rng.choice(["", "a", "kurz", "ein Text mit Ä " * rng.randint(1, 20), f"v{rng.randint(0, 999)}"]),
}


def make_type(rng, depth):
    """("leaf", name) | ("list", type) | ("struct", [(name, type)]) | ("map", type)"""
    kind = rng.choice(["leaf", "list", "struct", "map"]) if depth > 0 else "leaf"
    if kind == "leaf":
        return kind, rng.choice(sorted(LEAVES))
    if kind == "struct":
        return kind, [(f"m{i}", make_type(rng, depth - 1)) for i in range(rng.randint(1, 3))]
    return kind, make_type(rng, depth - 1)


def spell(shape):
    kind, inside = shape
    if kind == "leaf":
        return inside
    if kind == "list":
        return f"List({spell(inside)})"
    if kind == "map":
        return f"Map(Utf8, {spell(inside)})"
    return "Struct(" + ", ".join(f"{n} {spell(t)}" for n, t in inside) + ")"


def make_value(rng, shape, nulls, size):
    kind, inside = shape
    if rng.random() < nulls:
        return None
    if kind == "leaf":
        return LEAVES[inside](rng)
    count = rng.choice([0, 1, 2, rng.randint(0, size)])
    if kind == "list":
        return [make_value(rng, inside, nulls, min(size // 3, 6)) for _ in range(count)]
    if kind == "map":
        return {f"k{i}": make_value(rng, inside, nulls, min(size // 3, 6)) for i in range(count)}
    return {name: make_value(rng, inner, nulls, size) for name, inner in inside}


def as_arrow(shape, value):
    """The value as PyArrow gives it: maps are lists of pairs."""
    kind, inside = shape
    if value is None or kind == "leaf":
        return value
    if kind == "list":
        return [as_arrow(inside, v) for v in value]
    if kind == "map":
        return [(k, as_arrow(inside, v)) for k, v in value.items()]
    return {name: as_arrow(inner, value[name]) for name, inner in inside}


def run_one(seed, folder):
    rng = random.Random(seed)
    shapes = [make_type(rng, rng.randint(1, 4)) for _ in range(rng.randint(1, 4))]
    row_count, nulls = rng.choice([1, 50, 2000]), rng.choice([0, 0.1, 0.5])
    size = rng.choice([3, 20, 300]) if row_count <= 50 else 4
    rows = [[make_value(rng, s, nulls, size) for s in shapes] for _ in range(row_count)]
    if shapes[0][0] == "list" and rng.random() < 0.5:  # a row that no block holds
        rows[rng.randrange(row_count)][0] = make_value(rng, shapes[0], 0, 20000)
    options = {"compression": rng.choice(["zstd", "gzip", "none"]), "page_version": rng.choice(["v1", "v2"]),
               "dictionary": rng.choice(["true", "false"]), "row_group_rows": rng.choice([7, 1000, 100000])}
    with open(folder / "in.csv", "w", encoding="utf-8") as file:
        file.write(",".join(f"c{i}" for i in range(len(shapes))) + "\n")
        for row in rows:
            cells = ["" if v is None else '"' + (v if isinstance(v, str) else json.dumps(v)).replace('"', '""') + '"'
                     for v in row]
            file.write(",".join(cells) + "\n")
    required = [rng.random() < 0.7 and all(row[i] is not None for row in rows) for i in range(len(shapes))]
    schema = ", ".join(f'{{name: c{i}, type: "{spell(s)}", nullable: {str(not required[i]).lower()}}}'
                       for i, s in enumerate(shapes))
    (folder / "p.yaml").write_text(
        f"steps:\n  - op: scan\n    source: in.csv\n    schema: [{schema}]\n  - op: sink\n"
        f"    destination: out.parquet\n    options: {{{', '.join(f'{k}: {v}' for k, v in options.items())}}}\n")
    done = subprocess.run([Path(PROGRAM).resolve(), "run", "p.yaml", "-q", "--memory-cap",
                           rng.choice(["48MB", "64MB", "512MB"]), "--threads", str(rng.choice([1, 2, 4]))],
                          cwd=folder, capture_output=True, text=True, check=False)
    told = f"seed {seed} ({row_count} rows, {[spell(s) for s in shapes]}, {options})"
    if done.returncode:
        return f"{told}: weir failed with {done.returncode}: {done.stderr}"
    table = pq.read_table(folder / "out.parquet")
    other = duckdb.sql(f"SELECT * FROM read_parquet('{folder}/out.parquet')").fetchall()
    for i, shape in enumerate(shapes):
        expected = [as_arrow(shape, row[i]) for row in rows]
        got = table.column(i).to_pylist()
        if got != expected:
            at = next(r for r in range(row_count) if got[r] != expected[r])
            return f"{told}: PyArrow, column {i}, row {at}: {str(got[at])[:300]}, not {str(expected[at])[:300]}"
        got = [row[i] for row in other]
        if got != [row[i] for row in rows]:
            at = next(r for r in range(row_count) if got[r] != rows[r][i])
            return f"{told}: DuckDB, column {i}, row {at}: {str(got[at])[:300]}, not {str(rows[at][i])[:300]}"
    return None


if __name__ == "__main__":
    sys.exit(run_seeds("parquet-write-nested", 30, 2000, run_one))
