#!/usr/bin/env python3
"""Random nested documents as JSON: read as declared and as inferred, written, exchanged with DuckDB and
PyArrow.

json_exchange.py [--seed N] [--runs N]

Each run writes rows in one of the layouts. weir reads them with their types and writes them again; Python,
DuckDB and (lines without maps) PyArrow must find the same rows. What DuckDB writes of them, and what
weir infers by itself, must be the same rows too.
"""
import json
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.json

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.conformance import run_seeds  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from parquet_write_nested import make_type, make_value, spell  # noqa: E402

DUCK = {"Int64": "BIGINT", "Int8": "TINYINT", "Float64": "DOUBLE", "Boolean": "BOOLEAN", "Utf8": "VARCHAR"}
ARROW = {"Int64": pa.int64(), "Int8": pa.int8(), "Float64": pa.float64(), "Boolean": pa.bool_(),
         "Utf8": pa.string()}


def spell_duck(shape):
    kind, inside = shape
    if kind == "leaf":
        return DUCK[inside]
    if kind == "list":
        return spell_duck(inside) + "[]"
    if kind == "map":
        return f"MAP(VARCHAR, {spell_duck(inside)})"
    return "STRUCT(" + ", ".join(f"{n} {spell_duck(t)}" for n, t in inside) + ")"


def arrow_type(shape):
    kind, inside = shape
    if kind == "leaf":
        return ARROW[inside]
    if kind == "list":
        return pa.list_(arrow_type(inside))
    return pa.struct([(n, arrow_type(t)) for n, t in inside])


def has_map(shape):
    kind, inside = shape
    if kind == "struct":
        return any(has_map(t) for _, t in inside)
    return kind == "map" or (kind == "list" and has_map(inside))


def has_object(shape):
    kind, inside = shape
    return kind in ("struct", "map") or (kind == "list" and has_object(inside))


def dump(rng, rows, path):
    """Rows in one of the layouts."""
    indent, ascii_only = rng.choice([None, None, 0, 2]), rng.random() < 0.5
    layout = rng.choice(["array", "documents"] if indent is not None else ["array", "lines"])
    if layout == "array":
        text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)
    else:
        text = rng.choice(["\n", "\r\n", "\n\n"]).join(
            json.dumps(row, indent=indent, ensure_ascii=ascii_only) for row in rows)
    path.write_bytes(("\ufeff" * rng.randint(0, 1) + text + "\n" * rng.randint(0, 2)).encode())


def run_weir(folder, source, target, schema, options, cap):
    steps = [{"op": "scan", "source": source, **({"schema": schema} if schema else {})},
             {"op": "sink", "destination": target, "mode": "overwrite", "options": options}]
    (folder / "p.yaml").write_text(json.dumps({"steps": steps}))
    done = subprocess.run([PROGRAM, "run", "p.yaml", "-q", "--memory-cap", cap], cwd=folder,
                          capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else None


def load(path):
    """The rows of a file in any layout."""
    text, rows, at, decoder = path.read_text(), [], 0, json.JSONDecoder()
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        rows += value if isinstance(value, list) else [value]
    return rows


def prune(value):
    """Without members that are NULL: inference gives a struct the keys of all of them. An object that
    never has a key stays text."""
    if isinstance(value, list):
        return [prune(v) for v in value]
    if isinstance(value, dict):
        return {k: prune(v) for k, v in value.items() if v is not None} or None
    return None if value == "{}" else value


def differ(told, got, expected):
    if got == expected:
        return None
    if len(got) != len(expected):
        return f"{told}: {len(got)} rows, not {len(expected)}"
    at = next(i for i, row in enumerate(expected) if got[i] != row)
    return f"{told}, row {at}: {str(got[at])[:300]}, not {str(expected[at])[:300]}"


def check_inferred(folder, rows, options, cap):
    failure = run_weir(folder, "in.json", "inferred.json", None, options, cap)
    return failure or differ("inferred", [prune(r) for r in load(folder / "inferred.json")],
                             [prune(r) for r in rows])


def check_arrow(folder, shapes, rows):
    schema = pa.schema([(f"c{i}", arrow_type(s)) for i, s in enumerate(shapes)])
    options = pyarrow.json.ParseOptions(explicit_schema=schema)
    table = pyarrow.json.read_json(folder / "out.json", parse_options=options)
    return differ("PyArrow", table.to_pylist(), rows)


def run_one(seed, folder):
    rng = random.Random(seed)
    shapes = [make_type(rng, rng.randint(0, 4)) for _ in range(rng.randint(1, 5))]
    long = not any(has_object(s) for s in shapes)  # only lists and texts pass through any chunk
    nulls, size = rng.choice([0, 0.1, 0.5]), rng.choice([3, 20, 2000] if long else [3, 10, 20])
    rows = [{f"c{i}": make_value(rng, s, nulls, size) for i, s in enumerate(shapes)}
            for _ in range(rng.choice([1, 30, 400] if size < 2000 else [1, 5]))]
    schema = {f"c{i}": spell(s) for i, s in enumerate(shapes)}
    columns = {f"c{i}": spell_duck(s) for i, s in enumerate(shapes)}
    options = {"layout": rng.choice(["lines", "array"]), "pretty": rng.random() < 0.3,
               "nulls": rng.choice(["keep", "omit"])}
    cap = rng.choice(["16MB", "32MB", "128MB"])
    told = f"seed {seed} ({', '.join(schema.values())}; {options}; {cap})"[:400]

    dump(rng, rows, folder / "in.json")
    failure = run_weir(folder, "in.json", "out.json", schema, options, cap)
    if failure:
        return f"{told}: {failure}"
    got = [{name: row.get(name) for name in schema} for row in load(folder / "out.json")]
    failure = differ("Python", got, rows)
    database = duckdb.connect()
    layout = "array" if options["layout"] == "array" else \
        "unstructured" if options["pretty"] else "newline_delimited"
    query = (f"SELECT * FROM read_json('{folder / 'out.json'}', columns = {columns}, "
             f"format = '{layout}', records = true)")
    duck = database.from_query(query)
    found = [dict(zip(schema, row)) for row in duck.fetchall()]
    failure = failure or differ("DuckDB", found, rows)
    database.execute(f"COPY ({query}) TO '{folder / 'duck.json'}' (FORMAT json, ARRAY {rng.random() < 0.5})")
    failure = failure or run_weir(folder, "duck.json", "back.json", schema, {}, cap) or \
        differ("from DuckDB", load(folder / "back.json"), rows)
    if options["layout"] == "lines" and not options["pretty"] and not any(map(has_map, shapes)):
        failure = failure or check_arrow(folder, shapes, rows)
    failure = failure or check_inferred(folder, rows, options, cap)
    return f"{told}: {failure}" if failure else None


if __name__ == "__main__":
    sys.exit(run_seeds("json-exchange", 40, 2000, run_one))
