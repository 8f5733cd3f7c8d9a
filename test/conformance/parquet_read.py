#!/usr/bin/env python3
"""Parquet that others wrote: what weir reads of it is what they put in.

test/conformance/parquet_read.py [--only TEXT] [--keep]

Tables of every type are written by PyArrow and DuckDB in every codec, page version, encoding and size
of page and row group, and read whole, in part, and through filters, at a small and a large cap.
"""
import datetime
import decimal
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.arrow_text import first_difference, read_lines  # noqa: E402
from harness.conformance import run_groups  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402

CAPS = ["64MB", "200MB"]


def weir(folder, steps, cap="64MB"):
    """Objects that a pipeline writes, or its message."""
    file = folder / "pipeline.yaml"
    file.write_text("steps:\n" + steps + '  - op: sink\n    destination: "-"\n    format: json\n')
    done = subprocess.run([PROGRAM, "run", file, "--memory-cap", cap, "--spill-dir",
                           folder],
                          capture_output=True, text=True, env=clean_environment(), check=False,
                          timeout=60)
    return (read_lines(done.stdout), "") if done.returncode == 0 else (None, done.stderr)


def scan(path, *lines):
    return "".join(f"{line}\n" for line in ["  - op: scan", f"    source: {path}", *lines])


# ---- Tables ---------------------------------------------------------------------------------------


def sometimes(draw, values, null_share):
    return [None if draw.random() < null_share else value for value in values]


def flat_columns(draw, n):
    """{name: (type, values)} of every flat type."""
    big = 10 ** 30
    whole = lambda low, high: [draw.randint(low, high) for _ in range(n)]  # noqa: E731
    return {
        "i8": (pa.int8(), whole(-128, 127)), "u8": (pa.uint8(), whole(0, 255)),
        "i16": (pa.int16(), whole(-2 ** 15, 2 ** 15 - 1)), "u16": (pa.uint16(), whole(0, 2 ** 16 - 1)),
        "i32": (pa.int32(), whole(-2 ** 31, 2 ** 31 - 1)), "u32": (pa.uint32(), whole(0, 2 ** 32 - 1)),
        "i64": (pa.int64(), whole(-2 ** 63, 2 ** 63 - 1)), "u64": (pa.uint64(), whole(0, 2 ** 64 - 1)),
        "few": (pa.int64(), whole(0, 3)), "up": (pa.int64(), list(range(n))),
        "f32": (pa.float32(), [draw.gauss(0, 1e5) for _ in range(n)]),
        "f64": (pa.float64(), [draw.gauss(0, 1e100) for _ in range(n)]),
        "b": (pa.bool_(), [draw.random() < 0.3 for _ in range(n)]),
        "s": (pa.string(), ["é" * draw.randint(0, 3) + str(draw.random()) for _ in range(n)]),
        "word": (pa.string(), [draw.choice(["", "a", "some longer word"]) for _ in range(n)]),
        "bin": (pa.binary(), [draw.randbytes(draw.randint(0, 20)) for _ in range(n)]),
        "fix": (pa.binary(5), [draw.randbytes(5) for _ in range(n)]),
        "date": (pa.date32(), [datetime.date(1900, 1, 1) + datetime.timedelta(days=d)
                               for d in whole(0, 80000)]),
        "t_ms": (pa.time32("ms"), whole(0, 86399999)), "t_us": (pa.time64("us"), whole(0, 86399999999)),
        "t_ns": (pa.time64("ns"), whole(0, 86399999999999)),
        "ts_ms": (pa.timestamp("ms"), whole(-10 ** 12, 10 ** 13)),
        "ts_us": (pa.timestamp("us", "UTC"), whole(-10 ** 15, 10 ** 16)),
        "ts_ns": (pa.timestamp("ns"), whole(-10 ** 18, 10 ** 18)),
        "d5": (pa.decimal128(5, 2), [decimal.Decimal(x) / 100 for x in whole(-99999, 99999)]),
        "d18": (pa.decimal128(18, 0), [decimal.Decimal(x) for x in whole(-10 ** 18 + 1, 10 ** 18 - 1)]),
        "d38": (pa.decimal128(38, 7), [decimal.Decimal(x).scaleb(-7) for x in whole(-big, big)]),
    }


def flat_table(seed, n, null_share=0.2):
    draw = random.Random(seed)
    columns = {name: pa.array(sometimes(draw, values, null_share), kind)
               for name, (kind, values) in flat_columns(draw, n).items()}
    return pa.table({**columns, "none": pa.nulls(n)})


def nested_value(draw, kind):
    if draw.random() < 0.2:
        return None
    if pa.types.is_list(kind):
        return [nested_value(draw, kind.value_type) for _ in range(draw.choice([0, 0, 1, 2, 5]))]
    if pa.types.is_struct(kind):
        return {field.name: nested_value(draw, field.type) for field in kind}
    if pa.types.is_map(kind):
        keys = sorted({draw.choice("abcdefg") for _ in range(draw.randint(0, 4))})
        return [(key, nested_value(draw, kind.item_type)) for key in keys]
    if pa.types.is_string(kind):
        return draw.choice(["", "x", "longer than twelve bytes", "é" * draw.randint(0, 30)])
    if pa.types.is_floating(kind):
        return draw.random()
    return draw.random() < 0.5 if pa.types.is_boolean(kind) else draw.randint(-1000, 1000)


def nested_table(seed, n):
    draw, s, i = random.Random(seed), pa.string(), pa.int64()
    strukt = pa.struct([("a", i), ("b", s)])
    kinds = {
        "li": pa.list_(i), "ls": pa.list_(s), "lli": pa.list_(pa.list_(i)), "st": strukt,
        "lst": pa.list_(strukt), "lb": pa.list_(pa.bool_()), "lf": pa.list_(pa.float32()),
        "sl": pa.struct([("l", pa.list_(i)), ("m", pa.list_(s)), ("n", strukt)]), "m": pa.map_(s, i),
        "ml": pa.map_(s, pa.list_(strukt)), "llls": pa.list_(pa.list_(pa.list_(strukt))),
        "lm": pa.list_(pa.map_(s, s)), "flat": i,
    }
    return pa.table({name: pa.array([nested_value(draw, kind) for _ in range(n)], kind)
                     for name, kind in kinds.items()})


# ---- Cases ----------------------------------------------------------------------------------------


def check(report, folder, name, table, path, *lines, caps=CAPS):
    problems = []
    for cap in caps:
        found, message = weir(folder, scan(path, *lines), cap)
        why = message if found is None else first_difference(table, found)
        problems += [f"cap {cap}: {why}"] if why else []
    report.judge(name, problems)


def written_by_pyarrow():
    """(name, table, options of write_table)"""
    plain = flat_table(1, 3000)
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
        for version in ["1.0", "2.0"]:
            yield (f"{codec}-{version}", plain,
                   {"compression": codec, "data_page_version": version, "row_group_size": 1700,
                    "data_page_size": 3000})
    yield "plain", plain, {"use_dictionary": False}
    yield "no-nulls", flat_table(2, 3000, 0), {"data_page_size": 5000}
    yield "all-null", flat_table(3, 2000, 1), {}
    yield "few-nulls", flat_table(4, 5000, 0.001), {"row_group_size": 4999}
    yield "one-row-groups", flat_table(5, 40), {"row_group_size": 1}
    yield "dictionary-overflow", flat_table(6, 4000), {"dictionary_pagesize_limit": 2000,
                                                       "data_page_size": 2000}
    yield "int96", plain.select(["ts_ns", "i8"]), {"use_deprecated_int96_timestamps": True}
    yield "int-decimals", plain.select(["d5", "d18", "d38"]), {"store_decimal_as_integer": True}
    for encoding, names in [("DELTA_BINARY_PACKED", ["i32", "i64", "u8", "up", "ts_us"]),
                            ("DELTA_LENGTH_BYTE_ARRAY", ["s", "word", "bin"]),
                            ("DELTA_BYTE_ARRAY", ["s", "word", "bin", "fix", "d38"]),
                            ("BYTE_STREAM_SPLIT", ["f32", "f64", "i32", "up", "fix"])]:
        for version in ["1.0", "2.0"]:
            yield (f"{encoding}-{version}", plain.select(names),
                   {"use_dictionary": False, "column_encoding": {n: encoding for n in names},
                    "data_page_version": version, "data_page_size": 5000})
    nested = nested_table(9, 2000)
    for codec, version in [("none", "1.0"), ("snappy", "2.0"), ("zstd", "1.0")]:
        yield (f"nested-{codec}-{version}", nested,
               {"compression": codec, "data_page_version": version, "data_page_size": 1500,
                "row_group_size": 1100})
    yield "nested-plain", nested, {"use_dictionary": False}
    yield "checksums", plain, {"write_page_checksum": True}
    yield "empty", plain.slice(0, 0), {}
    yield "old-types", plain.select(["i32", "s", "date", "ts_ms"]), {"version": "1.0"}


def read_pyarrow(report, folder, wanted):
    for name, table, options in written_by_pyarrow():
        if not wanted(f"pyarrow {name}"):
            continue
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, **options)
        check(report, folder, f"pyarrow {name}", table, path)


def read_duckdb(report, folder, wanted):
    source = flat_table(7, 5000).drop_columns(["none", "t_ns", "fix"])  # which it has not
    for codec in ["uncompressed", "snappy", "gzip", "zstd", "lz4_raw"]:
        for version in ["v1", "v2"]:
            name = f"duckdb {codec}-{version}"
            path = folder / f"duckdb-{codec}-{version}.parquet"
            if not wanted(name):
                continue
            duckdb.sql(f"COPY source TO '{path}' (FORMAT parquet, CODEC '{codec}', PARQUET_VERSION "
                       f"{version}, ROW_GROUP_SIZE 2048)")
            # PyArrow does not read all pages of version 2 that DuckDB writes: the rows are the same
            check(report, folder, name, pq.read_table(str(path).replace("-v2", "-v1")), path)


def read_some(report, folder, wanted):
    """Columns, filters, and names."""
    table = flat_table(8, 20000).append_column("li", pa.array([list(range(i % 4)) for i in range(20000)]))
    path = folder / "some.parquet"
    pq.write_table(table, path, row_group_size=7000, data_page_size=4000, write_page_index=True)
    for where in ["up % 1000 = 7", "few = 2 AND b", "word = 'a'", "s LIKE '%77%'", "i8 IS NULL",
                  "up BETWEEN 6990 AND 7010", "up > 19990 OR up < 3", "d5 > 900 AND date > '2050-01-01'",
                  "word IN ('a', '')", "up < 0", "up < 3000", "f64 > 0 AND f32 < 0"]:
        for columns in ["*", "up, s", "word, i8, ts_us, li"]:
            name = f"filter {where}: {columns}"
            if not wanted(name):
                continue
            numbers = duckdb.sql(f"SELECT file_row_number FROM read_parquet('{path}', "
                                 f"file_row_number = true) WHERE {where}").fetchall()
            rows = table.take(pa.array([number for number, in numbers], pa.int64()))
            keep = []
            if columns != "*":
                rows = rows.select(columns.split(", "))
                keep = ["  - op: project", f"    columns: [{columns}]"]
            check(report, folder, name, rows, path, "  - op: filter", f'    expr: "{where}"', *keep)


def read_bad_texts(report, folder, wanted):
    """Bytes that are no UTF-8, though with what stands behind them they would be."""
    for name, values in [("a length", [b"a\xc3", b"x" * 0x80]),
                         ("the end", [b"ok", b"a\xc3"]),
                         ("a text", [b"ok", b"\xff", b"ok"])]:
        if not wanted(f"bad text before {name}"):
            continue
        values = pa.array(values, pa.binary())
        texts = pa.StringArray.from_buffers(len(values), *values.buffers()[1:])
        for dictionary in [True, False]:
            pq.write_table(pa.table({"s": texts}), folder / "bad.parquet", use_dictionary=dictionary)
            found, message = weir(folder, scan(folder / "bad.parquet"))
            report.judge(f"bad text before {name}", [] if "not valid UTF-8" in message else [f"{found} {message}"])


if __name__ == "__main__":
    sys.exit(run_groups("parquet-read", [read_pyarrow, read_duckdb, read_some, read_bad_texts]))
