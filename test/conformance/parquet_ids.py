#!/usr/bin/env python3
"""Field ids of Parquet files, exchanged with PyArrow and DuckDB: columns are found by them whatever their
names and order, and those that weir writes are the ones that were asked for.

test/conformance/parquet_ids.py [--seed N] [--runs N] [--keep]
"""
import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.conformance import run_checks  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402

ROWS = 50
# (type there, as it is declared, one value)
KINDS = [(pa.int64(), "int64", lambda d: d.randint(-9, 9)), (pa.string(), "text", lambda d: f"t{d.randint(0, 9)}"),
         (pa.int32(), "int64", lambda d: d.randint(0, 99)),
         (pa.list_(pa.int64()), "int64[]", lambda d: [d.randint(0, 9)] * d.randint(0, 3)),
         (pa.struct([("x", pa.int64()), ("y", pa.string())]), "struct(y text, x int64)",
          lambda d: {"x": d.randint(0, 9), "y": "v"})]


def weir(folder, steps):
    (folder / "pipeline.yaml").write_text(json.dumps({"steps": steps}))
    done = subprocess.run([PROGRAM, "run", folder / "pipeline.yaml", "-q", "--memory-cap", "64MB"],
                          capture_output=True, text=True, env=clean_environment(), check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def draw_file(draw, kinds, path):
    """Some of the columns, by id: in any order, under names of others or none; ids to nothing, and none."""
    names = [f"c{i}" for i in range(len(kinds))] + ["more", "C0"]
    draw.shuffle(names)
    ids = draw.sample(sorted(kinds), draw.randint(1, len(kinds)))
    fields, columns, by_id = [], [], {}
    for number, name in zip([*ids, 900, None], names):
        kind = KINDS[kinds.get(number, 0)]
        values = [None if draw.random() < 0.2 else kind[2](draw) for _ in range(ROWS)]
        metadata = None if number is None else {"PARQUET:field_id": str(number)}
        fields.append(pa.field(name, kind[0], metadata=metadata))
        columns.append(pa.array(values, kind[0]))
        by_id[number] = values
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), path)
    return by_id


def check_read(seed, folder):
    draw = random.Random(seed)
    ids = draw.sample(range(0, 30), draw.randint(2, 8))
    kinds = {number: draw.randrange(len(KINDS)) for number in ids}
    declared = {number: f"c{i}" for i, number in enumerate(ids)}
    schema = [{"name": name, "type": KINDS[kinds[number]][1], "field_id": number} for number, name in declared.items()]
    expected = []
    for i in range(3):
        by_id = draw_file(draw, kinds, folder / f"{i}.parquet")
        expected += [{name: by_id[number][row] if number in by_id else None for number, name in declared.items()}
                     for row in range(ROWS)]
    wanted = draw.sample(sorted(declared.values()), draw.randint(1, len(declared)))
    out = weir(folder, [{"op": "scan", "source": f"{folder}/?.parquet", "schema": schema},
                        {"op": "project", "columns": wanted}, {"op": "sink", "destination": "-", "format": "json"}])
    found = [json.loads(line) for line in out.splitlines()]
    assert found == [{name: row[name] for name in wanted} for row in expected], (found[:2], expected[:2])


COLUMNS = {"id": "i", "name": "'n' || i", "tags": "list_value(i, i + 1)", "s": "{'a': i, 'b': [{'c': 'x'}]}",
           "m": "map(list_value('k'), list_value(i))"}
PATHS = ["id", "name", "tags", "tags.element", "s", "s.a", "s.b", "s.b.element", "s.b.element.c", "m", "m.key",
         "m.value"]


def arrow_ids(field, path, found):
    """The ids of an Arrow field and of all it holds, by path."""
    number = (field.metadata or {}).get(b"PARQUET:field_id")
    if number is not None:
        found[path] = int(number)
    kind = field.type
    if pa.types.is_map(kind):
        members = [(kind.key_field, "key"), (kind.item_field, "value")]
    elif pa.types.is_list(kind):
        members = [(kind.value_field, "element")]
    else:
        members = [(kind.field(i), kind.field(i).name) for i in range(kind.num_fields)]
    for member, name in members:
        arrow_ids(member, f"{path}.{name}", found)


def check_written(seed, folder):
    draw = random.Random(seed)
    path = folder / "t.parquet"
    if seed % 4 == 0:
        option, expected = "auto", {name: i + 1 for i, name in enumerate(PATHS)}
    else:
        names = draw.sample(PATHS, draw.randint(1, len(PATHS)))
        expected = dict(zip(names, draw.sample([0, 1, 2, 3, 10, 99, 10**6, 2**31 - 1, 5, 6, 7, 8], len(names))))
        pairs = [f"{name}={number}" for name, number in expected.items()]
        cut = draw.randint(0, len(pairs) - 1)
        option = [", ".join(part) for part in (pairs[:cut], pairs[cut:]) if part]
    weir(folder, [{"op": "generate", "rows": 5, "columns": COLUMNS},
                  {"op": "sink", "destination": str(path), "options": {"field_ids": option}}])
    found = {}
    for field in pq.read_schema(path):
        arrow_ids(field, field.name, found)
    assert found == expected, (found, expected)
    rows = duckdb.sql(f"select name, field_id from parquet_schema('{path}')").fetchall()
    assert sorted(n for _, n in rows if n is not None) == sorted(expected.values()), rows
    for name in {"id", "name"} if all(name in expected for name in COLUMNS) else ():  # else DuckDB finds none
        kind = "BIGINT" if name == "id" else "VARCHAR"
        rows = duckdb.sql(f"select z from read_parquet('{path}', schema = MAP {{{expected[name]}: "
                          f"{{name: 'z', type: '{kind}', default_value: NULL}}}}) order by 1").fetchall()
        assert [str(row[0]) for row in rows] == [f"{'n' if name == 'name' else ''}{i}" for i in range(5)], (name, expected, rows)


def checks(seeds):
    for seed, check in itertools.product(seeds, (check_read, check_written)):
        yield f"{check.__name__}, seed {seed}", lambda folder, seed=seed, check=check: check(seed, folder)



if __name__ == "__main__":
    sys.exit(run_checks("parquet-ids", 12, 200, checks))
