#!/usr/bin/env python3
"""Parquet files that weir writes, read by PyArrow and DuckDB: they equal what went in.

parquet_write.py [--seed N] [--runs N]

Tables of random columns of every type go in as CSV with a declared schema, under small caps, through
random options of the writer; out come the same values, and statistics, page indexes and Bloom filters that hold; the
bytes do not depend on the number of threads.
"""
import csv
import datetime as dt
import decimal
import math
import random
import struct
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.conformance import run_seeds  # noqa: E402
from harness.parquet_footer import read_footer, read_struct  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402

EPOCH = dt.datetime(1970, 1, 1)


def integers(low, high):
    def make(rng):
        return rng.choice([rng.randint(low, high), rng.randint(low, high), low, high, 0 if low <= 0 else low])
    return make


def make_float(rng):
    return rng.choice([rng.uniform(-1e6, 1e6), rng.gauss(0, 1), 0.0, -0.0, 1e300, -1e-300, math.inf, -math.inf])


def make_single(rng):
    return pa.scalar(rng.choice([rng.uniform(-1e6, 1e6), 0.5, 0.0, -0.0, 3e38]), pa.float32()).as_py()


def decimals(precision, scale):
    most = 10 ** precision - 1

    def make(rng):
        digits = rng.choice([rng.randint(-most, most), rng.randint(-999, 999), most, -most, 0])
        return decimal.Decimal(digits).scaleb(-scale, decimal.Context(prec=60))
    return make


def make_text(rng):
    return rng.choice(["", "a", "längerer Text mit Umlauten ÄÖÜ", "x" * rng.randint(1, 200), "日本" * rng.randint(1, 30),
                       f"k{rng.randint(0, 50)}", f"v{rng.randint(0, 10**9)}"])


def make_binary(rng):
    return rng.randbytes(rng.choice([0, 1, 5, 12, 13, 40, 100]))


def make_date(rng):
    return dt.date(1900, 1, 1) + dt.timedelta(days=rng.randint(0, 80000))


def times(step):
    return lambda rng: rng.randrange(0, 86400 * 1000000, step)


def stamps(step):
    return lambda rng: rng.randrange(-2**50 // step, 2**50 // step) * step


def clock_text(us):
    whole, rest = divmod(us, 1000000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}" + (f".{rest:06}" if rest else "")


def stamp_text(us):
    return (EPOCH + dt.timedelta(microseconds=us)).isoformat(sep=" ")


def to_time(us):
    return (EPOCH + dt.timedelta(microseconds=us)).time()


def to_stamp(us):
    return EPOCH + dt.timedelta(microseconds=us)


def to_utc(us):
    return to_stamp(us).replace(tzinfo=dt.timezone.utc)


# name: (type for weir, generator, text for CSV, value as PyArrow gives it)
KINDS = {
    "bool": ("Boolean", lambda rng: rng.random() < 0.5, lambda v: "true" if v else "false", None),
    "i8": ("Int8", integers(-2**7, 2**7 - 1), str, None),
    "i16": ("Int16", integers(-2**15, 2**15 - 1), str, None),
    "i32": ("Int32", integers(-2**31, 2**31 - 1), str, None),
    "i64": ("Int64", integers(-2**63, 2**63 - 1), str, None),
    "u8": ("UInt8", integers(0, 2**8 - 1), str, None),
    "u16": ("UInt16", integers(0, 2**16 - 1), str, None),
    "u32": ("UInt32", integers(0, 2**32 - 1), str, None),
    "u64": ("UInt64", integers(0, 2**64 - 1), str, None),
    "f32": ("Float32", make_single, repr, None),
    "f64": ("Float64", make_float, repr, None),
    "dec9": ("Decimal(9, 2)", decimals(9, 2), lambda v: f"{v:f}", None),
    "dec18": ("Decimal(18, 4)", decimals(18, 4), lambda v: f"{v:f}", None),
    "dec20": ("Decimal(20, 0)", decimals(20, 0), lambda v: f"{v:f}", None),
    "dec38": ("Decimal(38, 10)", decimals(38, 10), lambda v: f"{v:f}", None),
    "text": ("Utf8", make_text, str, None),
    "binary": ("Binary", make_binary, lambda v: "\\x" + v.hex(), None),
    "date": ("Date32", make_date, str, None),
    "date64": ("Date64", make_date, str, None),
    "time_s": ("Time(s)", times(1000000), clock_text, to_time),
    "time_ms": ("Time(ms)", times(1000), clock_text, to_time),
    "time_us": ("Time(us)", times(1), clock_text, to_time),
    "stamp_s": ("Timestamp(s)", stamps(1000000), stamp_text, to_stamp),
    "stamp_ms": ("Timestamp(ms)", stamps(1000), stamp_text, to_stamp),
    "stamp_us": ("Timestamp(us)", stamps(1), stamp_text, to_stamp),
    "stamp_tz": ("Timestamp(us, UTC)", stamps(1), lambda v: stamp_text(v) + "Z", to_utc),
    "uuid": ("Uuid", lambda rng: uuid.UUID(int=rng.getrandbits(128)), str, None),
}


def make_column(rng, kind, row_count):
    """Values with a share of NULLs, few different ones, many, or in order."""
    make, nulls = KINDS[kind][1], rng.choice([0, 0, 0.1, 0.9, 1])
    shape = rng.choice(["few", "many", "runs", "sorted"])
    if shape == "few":
        pool = [make(rng) for _ in range(rng.randint(1, 20))]
        values = [rng.choice(pool) for _ in range(row_count)]
    elif shape == "runs":
        values = []
        while len(values) < row_count:
            values += [make(rng)] * rng.randint(1, 500)
        values = values[:row_count]
    else:
        values = [make(rng) for _ in range(row_count)]
    if shape == "sorted":
        values.sort()
    return [None if rng.random() < nulls else v for v in values]


def write_csv(path, names, columns, kinds):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        # An empty text is quoted, NULL is not.
        for row in zip(*columns):
            cells = ["" if v is None else KINDS[k][2](v) for v, k in zip(row, kinds)]
            file.write(",".join("" if v is None else '"' + c.replace('"', '""') + '"'
                                for v, c in zip(row, cells)) + "\n")


def run_weir(folder, names, kinds, options, cap, threads, sort="", required=()):
    schema = ", ".join(f'{{name: {n}, type: "{KINDS[k][0]}", nullable: {str(n not in required).lower()}}}'
                       for n, k in zip(names, kinds))
    (folder / "p.yaml").write_text(
        f"steps:\n  - op: scan\n    source: in.csv\n    format: csv\n    schema: [{schema}]\n{sort}"
        f"  - op: sink\n    destination: out.parquet\n    mode: overwrite\n"
        f"    options: {{{', '.join(f'{k}: {v}' for k, v in options.items())}}}\n")
    done = subprocess.run([Path(PROGRAM).resolve(), "run", "p.yaml", "-q", "--memory-cap", cap,
                           "--threads", str(threads)], cwd=folder, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise AssertionError(f"weir failed with {done.returncode}: {done.stderr}")


def expected_of(kind, value):
    convert = KINDS[kind][3]
    return value if value is None or convert is None else convert(value)


def check_statistics(metadata, index, kind, values, row_at):
    chunk = metadata.column(index)
    statistics = chunk.statistics
    rows = [v for v in values[row_at:row_at + metadata.num_rows] if v is not None]
    assert statistics.null_count == metadata.num_rows - len(rows), (kind, "null_count")
    if not statistics.has_min_max or not rows:
        return
    rows = [expected_of(kind, v) for v in rows]
    if kind in ("text", "binary"):
        low, high = statistics.min, statistics.max
        rows = [r.encode() if kind == "text" else r for r in rows]
        low, high = (x.encode() if isinstance(x, str) else x for x in (low, high))
        assert low <= min(rows) and max(rows) <= high, (kind, low, high)
    elif kind.startswith(("i", "u", "f")) and kind != "uuid":
        assert statistics.min == min(rows) and statistics.max == max(rows), (kind, statistics)


def bound_of(kind, value):
    """A bound of a page index as Python compares values; None: this kind is not looked at."""
    if kind in ("text", "binary"):
        return bytes(value)
    form = {"f32": "<f", "f64": "<d", "i64": "<q", "u64": "<Q", "u8": "<I", "u16": "<I", "u32": "<I",
            "i8": "<i", "i16": "<i", "i32": "<i"}.get(kind)
    return struct.unpack(form, value)[0] if form else None


def check_page_bounds(kind, index, page, rows):
    """The column index of one page against its rows."""
    rows = [r.encode() if isinstance(r, str) else r for r in rows]
    there = [r for r in rows if r is not None]
    assert index[5][page] == len(rows) - len(there), (kind, page, "null_counts")
    assert index[1][page] == (not there), (kind, page, "null_pages")
    if there:
        low, high = bound_of(kind, index[2][page]), bound_of(kind, index[3][page])
        assert low is None or (low <= min(there) and max(there) <= high), (kind, page, low, high)


def check_order(kind, index):
    bounds = [(bound_of(kind, low), bound_of(kind, high))
              for null, low, high in zip(index[1], index[2], index[3]) if not null]
    if not bounds or bounds[0][0] is None:
        return
    pairs = list(zip(bounds, bounds[1:]))
    if index[4] == 1:
        assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairs), (kind, "not ascending")
    elif index[4] == 2:
        assert all(a[0] >= b[0] and a[1] >= b[1] for a, b in pairs), (kind, "not descending")
    else:
        assert pairs, (kind, "one page is in order")


def check_bloom_filters(path, names, kinds, columns, options):
    """DuckDB finds every value in them."""
    con = duckdb.connect()
    for name, kind, values in zip(names, kinds, columns):
        if name not in options.get("bloom_filter", "")[1:-1].split(", ") or kind not in ("i32", "i64", "text", "f64"):
            continue
        value = next((v for v in values if v is not None), None)
        if value is None or value == 0:
            continue
        literal = f"$${value}$$" if kind == "text" else f"'{value!r}'::{'DOUBLE' if kind == 'f64' else 'BIGINT'}"
        excluded = [row[-1] for row in con.execute(
            f"SELECT * FROM parquet_bloom_probe('{path}', '{name}', {literal})").fetchall()]
        assert not all(excluded), (kind, value, "not in its Bloom filter")


def check_indexes(path, kinds, columns, options):
    """Of every chunk: pages one behind the other, which have the rows that they say, within their bounds."""
    data, row_at = path.read_bytes(), 0
    for group in read_footer(data)[4]:
        for chunk, kind, values in zip(group[1], kinds, columns):
            rows = values[row_at:row_at + group[3]]
            assert (5 in chunk) == (options.get("page_index") != "false"), (kind, "offset index")
            if 5 not in chunk:
                continue
            pages = [(p[1], p[2], p[3]) for p in read_struct(data, chunk[4], chunk[5])[0][1]]
            assert pages[0][0] == chunk[3][9] and pages[0][2] == 0, (kind, pages[0])
            ends = [p[0] for p in pages[1:]] + [chunk[3].get(11, chunk[3][9]) + chunk[3][7]]
            assert all(p[0] + p[1] == end for p, end in zip(pages, ends)), (kind, pages)
            for offset, length, _ in pages:
                header, body = read_struct(data, offset)
                assert body - offset + header[3] == length and header[1] in (0, 3), (kind, header)
            if 7 not in chunk:
                continue
            index = read_struct(data, chunk[6], chunk[7])[0]
            assert all(len(index[f]) == len(pages) for f in (1, 2, 3, 5)), (kind, index)
            for page, (_, _, first) in enumerate(pages):
                end = pages[page + 1][2] if page + 1 < len(pages) else group[3]
                check_page_bounds(kind, index, page, rows[first:end])
            check_order(kind, index)
        row_at += group[3]


def check(folder, names, kinds, columns, options):
    file = pq.ParquetFile(folder / "out.parquet")
    table = file.read()
    row_count = len(columns[0])
    assert table.num_rows == row_count, (table.num_rows, row_count)
    con = duckdb.connect()
    for index, (name, kind, values) in enumerate(zip(names, kinds, columns)):
        expected = [expected_of(kind, v) for v in values]
        got = table.column(name).to_pylist()
        if got != expected:
            at = next(i for i in range(row_count) if got[i] != expected[i])
            raise AssertionError(f"PyArrow, {kind}, row {at}: {got[at]!r}, not {expected[at]!r}")
        column = f"epoch_us({name})" if kind == "stamp_tz" else name
        other = [r[0] for r in con.execute(
            f"SELECT {column} FROM read_parquet('{folder}/out.parquet')").fetchall()]
        if kind == "stamp_tz":
            other = [None if v is None else to_utc(v) for v in other]
        if other != expected:
            at = next(i for i in range(row_count) if other[i] != expected[i])
            raise AssertionError(f"DuckDB, {kind}, row {at}: {other[at]!r}, not {expected[at]!r}")
        row_at = 0
        for group in range(file.metadata.num_row_groups):
            metadata = file.metadata.row_group(group)
            check_statistics(metadata, index, kind, values, row_at)
            row_at += metadata.num_rows
    limit = options.get("row_group_rows", 1048576)
    for group in range(file.metadata.num_row_groups):
        assert file.metadata.row_group(group).num_rows <= limit


def random_encodings(rng, names, kinds):
    """For all columns, and for some one that is for their type."""
    encodings = [rng.choice(["auto", "plain", "delta_binary_packed", "delta_length_byte_array", "delta_byte_array",
                             "byte_stream_split"])]
    for name, kind in zip(names, kinds):
        own = {"text": "delta_byte_array", "binary": "delta_length_byte_array", "i64": "delta_binary_packed",
               "stamp_us": "delta_binary_packed", "f64": "byte_stream_split"}.get(kind)
        if own and rng.random() < 0.5:
            encodings.append(f"{name}={own}")
    return "[" + ", ".join(encodings) + "]"


def random_options(rng, names, kinds):
    options = {"compression": rng.choice(CODECS)}
    if rng.random() < 0.5:
        options["encoding"] = random_encodings(rng, names, kinds)
    if rng.random() < 0.5:
        options["page_version"] = rng.choice(["v1", "v2"])
    if rng.random() < 0.3:
        options["dictionary"] = "false"
    if rng.random() < 0.6:
        options["row_group_rows"] = rng.choice([1, 100, 999, 5000])
    if rng.random() < 0.3:
        options["row_group_bytes"] = rng.choice(["1KB", "100KB", "1MB"])
    if rng.random() < 0.1:
        options["page_index"] = "false"
    if rng.random() < 0.5:
        named = [n for n, k in zip(names, kinds) if k != "bool"]
        options["bloom_filter"] = "[" + ", ".join(rng.sample(named, len(named) // 2)) + "]"
        options["bloom_filter_fpp"] = rng.choice([0.001, 0.3])
    return options


CODECS = ["zstd", "snappy", "gzip", "lz4_raw", "brotli", "none"]


def run_one(seed, folder):
    rng = random.Random(seed)
    kinds = rng.sample(sorted(KINDS), rng.randint(1, 12)) if seed else sorted(KINDS)
    names = [f"c{i}_{kind}" for i, kind in enumerate(kinds)]
    options = random_options(rng, names, kinds)
    row_count = rng.choice([0, 1, 10, 1000, 3000, 20000])
    if options.get("row_group_rows") == 1:
        row_count = min(row_count, 1000)
    columns = [make_column(rng, kind, row_count) for kind in kinds]
    required = [name for name, values in zip(names, columns) if None not in values and rng.random() < 0.7]
    cap = rng.choice(["40MB", "64MB", "512MB"])
    write_csv(folder / "in.csv", names, columns, kinds)
    try:
        run_weir(folder, names, kinds, options, cap, rng.choice([1, 2, 4]), required=required)
        assert [f.name for f in pq.read_schema(folder / "out.parquet") if not f.nullable] == required
        check(folder, names, kinds, columns, options)
        if seed % 3 == 0:
            written = (folder / "out.parquet").read_bytes()
            run_weir(folder, names, kinds, options, cap, rng.choice([1, 3, 8]), required=required)
            assert written == (folder / "out.parquet").read_bytes(), "bytes depend on the threads"
        check_indexes(folder / "out.parquet", kinds, columns, options)
        check_bloom_filters(folder / "out.parquet", names, kinds, columns, options)
    except AssertionError as error:
        if "was built without" in str(error):
            raise unittest.SkipTest(error) from None
        return f"seed {seed} ({row_count} rows, {options}): {error}"
    return None


def run_sorted(seed, folder):
    """sorted_by as PyArrow sees it, and refused where the rows are not so."""
    rng = random.Random(seed)
    kinds = rng.sample([k for k in sorted(KINDS) if k != "interval"], 4)
    names = [f"c{i}_{kind}" for i, kind in enumerate(kinds)]
    columns = [[rng.choice(make_column(rng, kind, 9)) for _ in range(2000)] for kind in kinds]
    keys = [(name, rng.random() < 0.5, rng.random() < 0.5) for name in rng.sample(names, rng.randint(1, 3))]
    texts = [f"{name} {'desc' if down else 'asc'} nulls {'first' if first else 'last'}" for name, down, first in keys]
    sort = f"  - {{op: sort, by: [{', '.join(texts)}]}}\n"
    options = {"sorted_by": "[" + ", ".join(texts) + "]", "row_group_rows": rng.choice([300, 5000])}
    write_csv(folder / "in.csv", names, columns, kinds)
    try:
        run_weir(folder, names, kinds, options, "64MB", 2, sort)
        metadata = pq.ParquetFile(folder / "out.parquet").metadata
        for group in range(metadata.num_row_groups):
            found = metadata.row_group(group).sorting_columns
            expected = tuple(pq.SortingColumn(names.index(name), down, first) for name, down, first in keys)
            assert found == expected, (found, expected)
        if len(set(map(str, columns[names.index(keys[0][0])]))) < 2:
            return None
        try:
            run_weir(folder, names, kinds, options, "64MB", 2)
        except AssertionError as error:
            assert "failed with 3" in str(error) and "is not behind row" in str(error), error
        else:
            raise AssertionError("an order that is none was believed")
    except AssertionError as error:
        return f"sorted, seed {seed} ({options}): {error}"
    return None


def run_seed(seed, folder):
    return run_one(seed, folder) or (run_sorted(seed, folder) if seed % 5 == 0 else None)


if __name__ == "__main__":
    sys.exit(run_seeds("parquet-write", 40, 2000, run_seed))
