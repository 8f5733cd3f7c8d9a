#!/usr/bin/env python3
"""Parts of Parquet files that a filter passes over by statistics never hold a row that it wants.

test/conformance/parquet_prune.py [--seed N] [--runs N] [--keep]

Random tables, written by PyArrow, DuckDB and weir in small pages and row groups, are read through random
filters; what the filters leave must be what their conditions say when they are computed as columns,
where nothing is passed over. And pages that cannot matter are not looked at: they may be damaged.
"""
import datetime as dt
import decimal
import itertools
import math
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.conformance import run_checks  # noqa: E402
from harness.parquet_footer import read_footer, read_struct  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402

ROWS = [1, 700, 5000, 20000]
FILTERS = 6


def weir(folder, steps, sink="destination: '-'\n    format: csv"):
    (folder / "pipeline.yaml").write_text(f"steps:\n{steps}  - op: sink\n    {sink}\n")
    done = subprocess.run([PROGRAM, "run", folder / "pipeline.yaml", "-q", "--memory-cap", "64MB",
                           "--spill-dir", folder],
                          capture_output=True, text=True, env=clean_environment(), check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- Tables ---------------------------------------------------------------------------------------

EPOCH = dt.datetime(2000, 1, 1)
WORDS = ["", "a", "b", "ab", "zebra", "Zebra", "ä", "€uro", "\U0001f600", "x" * 70, "x" * 69 + "y"]


def draw_float(draw):
    return draw.choice([draw.gauss(0, 10), float(draw.randint(-5, 5)), 0.0, -0.0, math.inf, -math.inf, math.nan])


# name: (type, one value, how it is written in an expression)
KINDS = {
    "i": (pa.int32(), lambda d: d.randint(-1000, 1000), str),
    "l": (pa.int64(), lambda d: d.choice([d.randint(-2**63, 2**63 - 1), d.randint(-9, 9)]), str),
    "u": (pa.uint32(), lambda d: d.choice([d.randint(0, 2**32 - 1), 2**31, 2**31 - 1]), str),
    "f": (pa.float64(), draw_float, lambda v: f"cast('{v!r}' as double)"),
    "g": (pa.float32(), lambda d: pa.scalar(draw_float(d), pa.float32()).as_py(),
          lambda v: f"cast('{v!r}' as float)"),
    "s": (pa.string(), lambda d: d.choice([d.choice(WORDS), "x" * 64 + str(d.randint(0, 99)), f"k{d.randint(0, 999)}"]),
          lambda v: "'" + v + "'"),
    "b": (pa.bool_(), lambda d: d.random() < 0.5, lambda v: str(v).lower()),
    "d": (pa.date32(), lambda d: dt.date(1950, 1, 1) + dt.timedelta(days=d.randint(0, 40000)),
          lambda v: f"date '{v}'"),
    "t": (pa.timestamp("ms"), lambda d: EPOCH + dt.timedelta(milliseconds=d.randint(-10**12, 10**12)),
          lambda v: f"timestamp '{v}'"),
    "c": (pa.decimal128(9, 2), lambda d: decimal.Decimal(d.randint(-10**5, 10**5)).scaleb(-2),
          lambda v: f"cast('{v}' as decimal(9, 2))"),
    "e": (pa.decimal128(30, 3), lambda d: decimal.Decimal(d.choice([d.randint(-10**29, 10**29), d.randint(-300, 300)]))
          .scaleb(-3, decimal.Context(prec=40)), lambda v: f"cast('{v}' as decimal(30, 3))"),
}


def draw_values(draw, kind, count):
    """In order, in runs, of few values, or any; pages of NULL only, too."""
    make, shape = KINDS[kind][1], draw.choice(["sorted", "runs", "few", "any"])
    values = [make(draw) for _ in range(count)]
    if shape == "sorted":
        values.sort(key=lambda v: (v != v, v), reverse=draw.random() < 0.3)
    elif shape == "few":
        few = [make(draw) for _ in range(draw.randint(1, 4))]
        values = [draw.choice(few) for _ in range(count)]
    elif shape == "runs":
        values = [v for v in values[:count // 50 + 1] for _ in range(50)][:count]
    share = draw.choice([0, 0, 0.1, 0.9])
    values = [None if draw.random() < share else v for v in values]
    if draw.random() < 0.3:
        begin = draw.randint(0, count)
        end = min(count, begin + draw.randint(0, count))
        values[begin:end] = [None] * (end - begin)
    return values


def write_arrow(draw, table, path, _folder):
    pq.write_table(table, path, write_page_index=draw.random() < 0.8, row_group_size=draw.choice([100, 3000, 10**6]),
                   data_page_size=draw.choice([64, 1000, 8000]), write_batch_size=draw.choice([1, 100, 1024]) + 9,
                   use_dictionary=draw.random() < 0.5, data_page_version=draw.choice(["1.0", "2.0"]),
                   store_decimal_as_integer=draw.random() < 0.5, compression=draw.choice(["none", "zstd"]))


def write_duckdb(draw, table, path, _folder):
    con = duckdb.connect()
    con.register("t", table)
    con.execute(f"COPY (SELECT * FROM t) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {draw.choice([2048, 10240])})")


def write_weir(draw, table, path, folder):
    pq.write_table(table, folder / "in.parquet")
    options = {"row_group_rows": draw.choice([100, 3000, 1000000]), "page_version": draw.choice(["v1", "v2"]),
               "dictionary": draw.choice(["true", "false"])}
    names = [name for name in table.column_names if name not in ("b", "more") and draw.random() < 0.7]
    options |= {"bloom_filter": f"[{', '.join(names)}]", "bloom_filter_fpp": draw.choice([0.001, 0.01, 0.2])}
    weir(folder, f"  - op: scan\n    source: {folder}/in.parquet\n",
         f"destination: {path}\n    mode: overwrite\n    options: "
         f"{{{', '.join(f'{k}: {v}' for k, v in options.items())}}}")


WRITERS = [write_arrow, write_duckdb, write_weir]

# ---- Filters --------------------------------------------------------------------------------------


def draw_literal(draw, name, values):
    known = [v for v in values if v is not None]
    value = draw.choice(known) if known and draw.random() < 0.7 else KINDS[name][1](draw)
    return KINDS[name][2](value)


def draw_condition(draw, columns):
    name = draw.choice(sorted(columns))
    operator = draw.choice(["=", "=", "<>", "<", "<=", ">", ">=", "in", "is null", "is not null"])
    if operator.startswith("is"):
        return f"{name} {operator}"
    if operator == "in":
        return f"{name} in ({', '.join(draw_literal(draw, name, columns[name]) for _ in range(draw.randint(1, 4)))})"
    if draw.random() < 0.2:
        return f"{draw_literal(draw, name, columns[name])} {operator} {name}"
    return f"{name} {operator} {draw_literal(draw, name, columns[name])}"


def draw_filter(draw, columns):
    conditions = [draw_condition(draw, columns) for _ in range(draw.choice([1, 1, 2, 3]))]
    if draw.random() < 0.5:
        low = draw.randrange(len(columns["i"]))
        conditions.append(f"id between {low} and {low + draw.randint(0, len(columns['i']))}")
    return " and ".join(conditions)


def check_filters(seed, folder):
    draw = random.Random(seed)
    names = draw.sample(sorted(KINDS), 4) + ["i"]
    count = draw.choice(ROWS)
    columns = {name: draw_values(draw, name, count) for name in sorted(set(names))}
    table = pa.table({"id": pa.array(range(count), pa.int64())}
                     | {name: pa.array(values, KINDS[name][0]) for name, values in columns.items()}
                     | {"more": pa.array([[i] * (i % 3) for i in range(count)], pa.list_(pa.int64()))})
    writer = WRITERS[seed % len(WRITERS)]
    path = folder / "t.parquet"
    writer(draw, table, path, folder)
    filters = [draw_filter(draw, columns) for _ in range(FILTERS)]
    scan = f"  - op: scan\n    source: {path}\n"
    computed = "".join(f', p{i}: "{text}"' for i, text in enumerate(filters))
    lines = weir(folder, f"{scan}  - op: project\n    columns: {{id: id{computed}}}\n").splitlines()[1:]
    for i, text in enumerate(filters):
        expected = [cells[0] for cells in (line.split(",") for line in lines) if cells[1 + i] == "true"]
        more = ", more" if i % 3 == 0 else ""
        found = weir(folder, f'{scan}  - op: filter\n    expr: "{text}"\n'
                             f"  - op: project\n    columns: [id{more}]\n").splitlines()[1:]
        found = [line.split(",")[0] for line in found]
        assert found == expected, (f"{writer.__name__}, {count} rows, {text}: {len(found)} rows, not {len(expected)}; "
                                   f"first of the difference: {sorted(set(found) ^ set(expected), key=int)[:3]}")


# ---- Damage ---------------------------------------------------------------------------------------


def pages_of(data, chunk, row_count):
    """(offset, length, first row, row behind the last) of every page."""
    pages = [(p[1], p[2], p[3]) for p in read_struct(data, chunk[4], chunk[5])[0][1]]
    return [(*page, end) for page, end in zip(pages, [p[2] for p in pages[1:]] + [row_count])]


def damage_other_pages(path, row):
    """Break pages without rows that stand in the first column's page of `row`, or close to it; of the first
    one, whose header is read, the body. How many. The file has one row group."""
    data, broken = bytearray(path.read_bytes()), 0
    (group,) = read_footer(bytes(data))[4]
    wanted = next((p[2], p[3]) for p in pages_of(bytes(data), group[1][0], group[3]) if p[2] <= row < p[3])
    for chunk in group[1]:
        for offset, length, begin, end in pages_of(bytes(data), chunk, group[3]):
            if end + 1024 <= wanted[0] or begin >= wanted[1] + 1024:
                body = read_struct(bytes(data), offset)[1] if begin == 0 else offset
                data[body:offset + length] = bytes(255 - b for b in data[body:offset + length])
                broken += 1
    path.write_bytes(data)
    return broken


def check_unread(folder, writer):
    """Rows 30,000 to 30,010 of a table in order, out of a file with nothing but their pages."""
    count = 150000
    table = pa.table({"id": pa.array(range(count), pa.int64()), "f": pa.array([i + 0.5 for i in range(count)]),
                      "s": pa.array([f"text {i * 7919 % 150011}" for i in range(count)]),
                      "few": pa.array([f"of few {i // 10000}" for i in range(count)])})
    path = folder / "t.parquet"
    if writer == "weir":
        pq.write_table(table, folder / "in.parquet")
        weir(folder, f"  - op: scan\n    source: {folder}/in.parquet\n",
             f"destination: {path}\n    mode: overwrite\n    options: {{compression: zstd}}")
    else:
        pq.write_table(table, path, write_page_index=True, data_page_size=20000)
    assert damage_other_pages(path, 30000) >= 6
    found = weir(folder, f"  - op: scan\n    source: {path}\n  - op: filter\n"
                         f"    expr: id >= 30000 and id <= 30010\n").splitlines()[1:]
    expected = [f"{i},{i + 0.5},text {i * 7919 % 150011},of few {i // 10000}" for i in range(30000, 30011)]
    assert found == expected, found


def damage_other_groups(path, wanted):
    """Break all pages of values of row groups but one; dictionaries stay. How many."""
    data, broken = bytearray(path.read_bytes()), 0
    for number, group in enumerate(read_footer(bytes(data))[4]):
        for chunk in group[1] if number != wanted else []:
            meta = chunk[3]
            begin = min(meta[9], meta.get(11) or meta[9])
            end = begin + meta[7]
            while begin < end:
                header, body = read_struct(bytes(data), begin)
                begin = body + header[3]
                if header[1] != 2:  # a dictionary
                    data[body:begin] = bytes(255 - b for b in data[body:begin])
                    broken += 1
    path.write_bytes(data)
    return broken


# columns of few values: (type, value `i` of 20 in row group `g`, as it is written in an expression)
CODED = {"s": (pa.string(), lambda g, i: f"{i:02} of {g}", lambda v: f"'{v}'"),
         "l": (pa.int64(), lambda g, i: i * 4 + g, str),
         "f": (pa.float64(), lambda g, i: math.nan if i == 0 else i * 4 + g + 0.5, str),
         "c": (pa.decimal128(9, 2), lambda g, i: decimal.Decimal(i * 4 + g).scaleb(-2), str),
         "t": (pa.timestamp("us"), lambda g, i: EPOCH + dt.timedelta(milliseconds=i * 4 + g), lambda v: f"timestamp '{v}'")}


def check_words(folder, writer, name):
    """One of four row groups has a value, which lies between the bounds of all of them."""
    kind, make, show = CODED[name]
    rows, groups, wanted = 4096, 4, 2
    table = pa.table({"id": pa.array(range(rows * groups), pa.int64()),
                      "k": pa.array([None if row % 7 == 0 else make(row // rows, row % 20)
                                     for row in range(rows * groups)], kind)})
    path = folder / "t.parquet"
    if writer == "duckdb":
        con = duckdb.connect()
        con.register("t", table)
        con.execute(f"COPY (SELECT * FROM t) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {rows})")
    elif writer == "weir":
        pq.write_table(table, folder / "in.parquet")
        weir(folder, f"  - op: scan\n    source: {folder}/in.parquet\n",
             f"destination: {path}\n    mode: overwrite\n    options: {{row_group_rows: {rows}}}")
    else:
        pq.write_table(table, path, row_group_size=rows, data_page_version=writer[-3:], write_statistics=False)
    assert damage_other_groups(path, wanted) >= 6
    value = make(wanted, 5)
    for condition in (f"k = {show(value)}", f"k in ({show(make(wanted, 6))}, {show(value)}) and k <> {show(make(wanted, 6))}"):
        found = weir(folder, f"  - op: scan\n    source: {path}\n  - op: filter\n    expr: \"{condition}\"\n"
                             f"  - op: project\n    columns: [id]\n").splitlines()[1:]
        expected = [str(row) for row in range(rows * wanted, rows * (wanted + 1)) if row % 7 and row % 20 == 5]
        assert found == expected, (condition, len(found), len(expected))


def check_trust(folder):
    """Bounds that are wrong are believed of a writer that is known to be right, not of one that is not."""
    path = folder / "t.parquet"
    table = pa.table({"e": pa.array([decimal.Decimal(i) for i in range(1, 10)], pa.decimal128(30, 3))})
    pq.write_table(table, path, use_dictionary=False)
    data = path.read_bytes()
    least, most = ((i * 1000).to_bytes(13, "big") for i in (1, 9))
    created_by = read_footer(data)[6]
    footer = data[-int.from_bytes(data[-8:-4], "little") - 8:]
    other = b"parquet-cpp version 1.5.1-SNAPSHOT"[:len(created_by)].ljust(len(created_by))
    for writer, rows in ((created_by, 0), (other, 1)):
        wrong = footer.replace(least, most).replace(created_by, writer)
        path.write_bytes(data[:-len(footer)] + wrong)
        found = weir(folder, f"  - op: scan\n    source: {path}\n  - op: filter\n    expr: e = 2\n").splitlines()[1:]
        assert len(found) == rows, (writer, found)


def checks(seeds):
    for seed in seeds:
        yield f"seed {seed}", lambda folder, seed=seed: check_filters(seed, folder)
    for writer in ("weir", "pyarrow"):
        yield f"unread pages of {writer}", lambda folder, writer=writer: check_unread(folder, writer)
    for writer, name in itertools.product(("weir", "duckdb", "pyarrow 1.0", "pyarrow 2.0"), CODED):
        yield (f"dictionaries of {writer}, {name}",
               lambda folder, writer=writer, name=name: check_words(folder, writer, name))
    yield "statistics of writers that had them wrong", check_trust



if __name__ == "__main__":
    sys.exit(run_checks("parquet-prune", 15, 200, checks))
