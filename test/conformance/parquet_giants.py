#!/usr/bin/env python3
"""Parquet whose parts are larger than memory: pages, dictionaries, texts, footers.

test/conformance/parquet_giants.py [--only TEXT] [--keep]

Everything is a few megabytes, which a cap of 20 MB has no room for, and is copied to another Parquet
file, which PyArrow reads.
"""
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.conformance import run_groups  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402

ONE = 1 << 30  # everything in one page, one row group, one dictionary


def copy(folder, source, cap, steps=""):
    """The table that weir writes of a file's rows, or its message."""
    out = folder / "out.parquet"
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(f"steps:\n  - op: scan\n    source: {source}\n{steps}  - op: sink\n"
                        f"    destination: {out}\n    format: parquet\n    mode: overwrite\n")
    done = subprocess.run([PROGRAM, "run", pipeline, "--memory-cap", cap, "--spill-dir", folder],
                          capture_output=True, text=True, env=clean_environment(), check=False, timeout=100)
    return (pq.read_table(out), "") if done.returncode == 0 else (None, done.stderr)


def differences(table, found):
    if found.num_rows != table.num_rows:
        return [f"{found.num_rows} rows where {table.num_rows} are"]
    return [f"column '{name}' differs" for name in table.column_names
            if not found[name].cast(table[name].type).combine_chunks().equals(table[name].combine_chunks())]


def check(report, folder, name, table, cap="20MB", **options):
    path = folder / "in.parquet"
    pq.write_table(table, path, **{"row_group_size": ONE, "data_page_size": ONE, "write_batch_size": ONE,
                                   "write_page_checksum": True, **options})
    found, message = copy(folder, path, cap)
    report.judge(name, [message] if found is None else differences(table, found))


# ---- Tables ---------------------------------------------------------------------------------------


def plain_table(n):
    draw = random.Random(1)
    words = [f"key-{k // 7:09d}-{k * 7919 % 1000}" for k in range(n)]
    return pa.table({
        "up": pa.array([3 * k + k % 3 for k in range(n)]),
        "f": pa.array([draw.random() for _ in range(n)]),
        "s": pa.array(words), "sn": pa.array([None if k % 5 == 0 else words[k] for k in range(n)]),
    })


def long_texts():
    texts = [("x" * (k * 700_000 + 17) + str(k)) for k in range(6)]
    texts += [None, "short", "", "é" * 400_000] + ["y" * 100] * 2000
    return pa.table({"t": pa.array(texts * 2), "k": pa.array(range(2 * len(texts)))})


def coded_table(n):
    draw = random.Random(2)
    words = [f"value-{k:08d}-" + "z" * (k % 40) for k in range(60_000)]
    codes = [draw.randrange(len(words)) for _ in range(n)]
    return pa.table({
        "any": pa.array([words[c] for c in codes]),
        "near": pa.array([words[k * 60_000 // n] if k % 11 else None for k in range(n)]),
        "num": pa.array([c * 1000003 for c in codes] * 2).slice(0, n),
        "fix": pa.array([words[c][:14].encode() for c in codes], pa.binary(14)),
        "thin": pa.array([c.to_bytes(3, "big") for c in codes], pa.binary(3)),
        "wide": pa.array([words[c][:14].encode() * 7 for c in codes], pa.binary(98)),
        "list": pa.array([[words[c]] if c % 3 else [words[c], None] if c % 2 else [] for c in codes]),
    })


def long_words():
    draw = random.Random(3)
    words = ["a" * (200_000 * (k % 7) + k) for k in range(40)] + ["b" * k for k in range(2000)]
    return pa.table({"t": pa.array(words + [words[draw.randrange(len(words))] for k in range(300)] +
                                   [None] * 5 + words[60:])})


def long_lists():
    pair = pa.struct([("a", pa.int64()), ("b", pa.string())])
    short = [[], None, [None] * 3]
    pairs = [{"a": k, "b": str(k)} if k % 7 else None for k in range(20_000)]
    return pa.table({
        "i": pa.array([list(range(150_000)), *short, [None if k % 3 else k for k in range(100_000)]] * 2),
        "t": pa.array([[f"text number {k}" for k in range(30_000)], *short, ["x"]] * 2),
        "s": pa.array([pairs, *short, [{"a": None, "b": "q"}] * 10_000] * 2, pa.list_(pair)),
        "l": pa.array([[list(range(k % 9)) for k in range(20_000)], *short, [[1]]] * 2),
        "m": pa.array([[(f"k{k}", k) for k in range(20_000)], [], None, [("a", 1)], [("b", 2)]] * 2,
                      pa.map_(pa.string(), pa.int64())),
    })


# ---- Cases ----------------------------------------------------------------------------------------


def pages(report, folder, wanted):
    """A page of the whole column, in every encoding."""
    table, texts = plain_table(150_000), long_texts()
    for codec in ["none", "zstd"]:
        for encoding, columns in [("PLAIN", table.column_names), ("DELTA_BINARY_PACKED", ["up"]),
                                  ("BYTE_STREAM_SPLIT", ["up", "f"]),
                                  ("DELTA_LENGTH_BYTE_ARRAY", ["s", "sn"]),
                                  ("DELTA_BYTE_ARRAY", ["s", "sn"])]:
            if wanted(f"page {encoding} {codec}"):
                check(report, folder, f"page {encoding} {codec}", table.select(columns), compression=codec,
                      use_dictionary=False, column_encoding={name: encoding for name in columns})
        for encoding in ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]:
            if wanted(f"texts {encoding} {codec}"):
                check(report, folder, f"texts {encoding} {codec}", texts, compression=codec,
                      use_dictionary=False, column_encoding={"t": encoding, "k": "PLAIN"})
    if wanted("page of level 3"):  # its window is larger than all memory for pages but the codec's
        check(report, folder, "page of level 3", table, compression="zstd", compression_level=3,
              use_dictionary=False)


def dictionaries(report, folder, wanted):
    """Dictionaries of the whole column."""
    table, words = coded_table(100_000), long_words()
    for codec, version in [("none", "1.0"), ("zstd", "2.0"), ("snappy", "1.0")]:
        for page in [100_000, ONE]:
            if wanted(f"dictionary {codec} {page}"):
                check(report, folder, f"dictionary {codec} {page}", table, compression=codec,
                      data_page_version=version, dictionary_pagesize_limit=ONE, data_page_size=page)
    for codec in ["none", "zstd"]:
        if wanted(f"long words {codec}"):
            check(report, folder, f"long words {codec}", words, compression=codec,
                  dictionary_pagesize_limit=ONE)


def lists(report, folder, wanted):
    """Lists of a row that do not fit the memory of their column."""
    for codec, version in [("none", "1.0"), ("zstd", "2.0")]:
        if wanted(f"long lists {codec}"):
            check(report, folder, f"long lists {codec}", long_lists(), cap="24MB", compression=codec,
                  data_page_version=version)


def brotli(report, folder, wanted):
    for name, options in [("brotli", {}), ("brotli pages", {"use_dictionary": False})]:
        if wanted(name):
            check(report, folder, name, plain_table(150_000), cap="24MB", compression="brotli", **options)
    if wanted("brotli small"):
        check(report, folder, "brotli small", plain_table(20_000), cap="24MB", compression="brotli",
              data_page_size=20_000, row_group_size=9_000)


def footers(report, folder, wanted):
    """Ten thousand columns; row groups by the thousand; forty megabytes of other metadata."""
    path = folder / "in.parquet"
    if wanted("ten thousand columns"):
        names = [f"column_{i:05d}" for i in range(10_000)]
        wide = pa.table({name: pa.array([i, i + 1, None]) for i, name in enumerate(names)})
        pq.write_table(wide, path, row_group_size=1)
        some = [names[7], names[9_999], names[5_000]]
        found, message = copy(folder, path, "20MB", f"  - op: project\n    columns: {some}\n")
        report.judge("ten thousand columns", [message] if found is None
                     else differences(wide.select(some), found))
        found, message = copy(folder, path, "32MB")
        clear = "below what this plan needs" in message and "Use --memory-cap of at least that" in message
        report.judge("all of ten thousand columns", [] if clear else [message or "it was read"])
    if wanted("giant footer"):
        long = pa.table({f"c{i}": pa.array(range(2000)) for i in range(50)})
        pq.write_table(long.replace_schema_metadata({"junk": "x" * 40_000_000}), path, row_group_size=10)
        found, message = copy(folder, path, "20MB", "  - op: project\n    columns: [c7, c49]\n")
        report.judge("giant footer", [message] if found is None
                     else differences(long.select(["c7", "c49"]), found))


def row_groups(report, folder, wanted):
    """More rows in a row group than one split has, so that several workers go over it."""
    rows = 2_300_000
    table = pa.table({"up": pa.array(range(rows)), "flag": pa.array([k // 3 % 2 for k in range(rows)]),
                      "few": pa.array([f"w{k % 1000}" if k % 50 else None for k in range(rows)])})
    for name, options in [("row group of many", {}), ("row group of many, a page", {"data_page_size": ONE})]:
        if wanted(name):
            check(report, folder, name, table, cap="40MB",
                  **{"data_page_size": 1 << 20, "max_rows_per_page": ONE, **options})


if __name__ == "__main__":
    sys.exit(run_groups("parquet-giants", [pages, dictionaries, lists, brotli, footers, row_groups]))
