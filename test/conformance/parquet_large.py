#!/usr/bin/env python3
"""Parquet files whose parts are larger than memory, at a cap of 32 MB.

test/conformance/parquet_large.py [--only TEXT] [--large]

One row group of many rows, dictionaries, texts, lists and pages of more than the cap, thousands of
columns: the answer is right. `--large` makes millions of rows, 10,000 columns, a text of 1 GB.
"""
import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.paths import PROGRAM, scratch_folder  # noqa: E402
from harness.report import Report, add_to_ledger  # noqa: E402
from harness.run import clean_environment, run  # noqa: E402

CAP = 32  # MB


def run_weir(folder, steps, cap):
    """Run steps over the file; (exit code, what was printed or the message, bytes above the cap)."""
    sink = {"op": "sink", "destination": "stdout", "format": "json"}
    (folder / "p.yaml").write_text(json.dumps({"steps": [
        {"op": "scan", "source": "in.parquet"}, *steps, *([] if steps[-1]["op"] == "sink" else [sink])]}))
    done = run([PROGRAM.resolve(), "run", "p.yaml", "-q", "--memory-cap", f"{cap}MB", "--spill-dir", folder],
               cwd=folder, env=clean_environment(), timeout_s=900)
    return done.exit_code, done.errors or done.stdout.decode(), max(0, done.peak_bytes - cap * 10 ** 6)


def aggregate(*what):
    return {"op": "aggregate", "aggs": list(what)}


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- Files: each gives (steps, what they have to print, or the digest of out.csv) --------------------


def many_rows(folder, large):
    """One row group, of a column that is packed, one that is not, and texts of few values."""
    rows = 6_000_000 if large else 600_000
    numbers = pa.array(range(rows), pa.int64())
    table = pa.table({"n": numbers, "r": pc.multiply(numbers, 0x9e3779b97f4a7c15 - 2 ** 64),
                      "w": pa.array(["red", "green", "blue"]).take(pc.subtract(numbers, pc.multiply(
                          pc.divide(numbers, 3), 3)))})
    pq.write_table(table, folder / "in.parquet", row_group_size=rows, compression="zstd")
    return [aggregate("count(*) AS n", "sum(n) AS s", "bit_xor(r) AS x", "min(w) AS low", "max(w) AS high")], {
        "n": rows, "s": rows * (rows - 1) // 2, "x": xor_of(table["r"]), "low": "blue", "high": "red"}


def xor_of(column):
    total = 0
    for chunk in column.chunks:
        for value in chunk.to_pylist():
            total ^= value
    return total


def large_dictionary(folder, large):
    """All texts are different and there are codes for them, in one dictionary."""
    rows = 2_000_000 if large else 400_000
    texts = pa.array([f"a text that is in the dictionary once, number {i}" for i in range(rows)])
    table = pa.table({"t": texts})
    pq.write_table(table, folder / "in.parquet", row_group_size=rows, dictionary_pagesize_limit=2 ** 30,
                   write_statistics=False)
    return [aggregate("count(*) AS n", "count(distinct t) AS d", "sum(length(t)) AS s")], {
        "n": rows, "d": rows, "s": sum(pc.utf8_length(texts).to_pylist())}


def many_columns(folder, large):
    """Of thousands of columns a few are wanted."""
    columns = 10_000 if large else 2_000
    table = pa.table({f"c{i}": pa.array([i, i + 1, None], pa.int64()) for i in range(columns)})
    pq.write_table(table, folder / "in.parquet", row_group_size=2)
    last = f"c{columns - 1}"
    return [aggregate("sum(c0) AS a", f"sum({last}) AS b", "count(c77) AS c")], {"a": 1, "b": 2 * columns - 1, "c": 2}


def all_columns(folder, large):
    """All of hundreds of columns."""
    columns = 500 if large else 100
    table = pa.table({f"c{i}": pa.array(range(i, i + 5000), pa.int64()) for i in range(columns)})
    pq.write_table(table, folder / "in.parquet", row_group_size=1000)
    parts = [" + ".join(f"c{i}" for i in range(first, first + 100)) for first in range(0, columns, 100)]
    return [{"op": "map", "expressions": [f"{part} AS p{i}" for i, part in enumerate(parts)]},
            aggregate(f"sum({' + '.join(f'p{i}' for i in range(len(parts)))}) AS s", "count(*) AS n")], {
        "s": sum(sum(range(i, i + 5000)) for i in range(columns)), "n": 5000}


def long_text(folder, large):
    """A text that is larger than the cap, among short ones."""
    size = 1_000_000_000 if large else 60_000_000
    values = pa.array(["short", "0123456789" * (size // 10), "end"], pa.large_string())
    pq.write_table(pa.table({"n": [0, 1, 2], "t": values}), folder / "in.parquet", use_dictionary=False,
                   compression="zstd", write_statistics=False)
    with open(folder / "expected.csv", "w", encoding="ascii") as file:
        file.write(f"n,t\n0,short\n1,{values[1].as_py()}\n2,end\n")
    return [{"op": "sink", "destination": "out.csv"}], digest_of(folder / "expected.csv")


def long_list(folder, large):
    """A row that is a list of millions."""
    size = 20_000_000 if large else 3_000_000
    lists = pa.ListArray.from_arrays(pa.array([0, 1, size + 1, size + 1]), pa.array(range(size + 1), pa.int64()))
    pq.write_table(pa.table({"l": lists}), folder / "in.parquet", compression="snappy")
    return [{"op": "unnest", "column": "l"}, aggregate("sum(l) AS s", "count(*) AS n")], {
        "s": size * (size + 1) // 2, "n": size + 1}


def long_struct(folder, large):
    """A struct whose members are each longer than the cap, and a map of such, between short ones."""
    size = 10_000_000 if large else 2_000_000
    kind = pa.struct([("n", pa.int64()), ("t", pa.string()), ("l", pa.list_(pa.struct([("x", pa.int32())]))),
                      ("m", pa.map_(pa.string(), pa.list_(pa.string()))), ("z", pa.int64())])
    rows = [{"n": 1, "t": "a", "l": [], "m": [], "z": 1}, None,
            {"n": None, "t": "0123456789" * (size * 2), "l": [{"x": i % 7} for i in range(size)],
             "m": [("long", ["x" * (2 * size), None]), ("short", ["y"])], "z": 5},
            {"n": 3, "t": None, "l": None, "m": None, "z": None}]
    pq.write_table(pa.table({"s": pa.array(rows, kind)}), folder / "in.parquet", compression="snappy",
                   use_dictionary=False, write_statistics=False)
    return [{"op": "map", "expressions": [
        "octet_length(s.t) AS t", "cardinality(s.l) AS l", "cardinality(s.m) AS m"]},
        aggregate("sum(t) AS t", "sum(l) AS l", "sum(m) AS m", "sum(s.z) AS z", "count(s) AS c")], {
        "t": 20 * size + 1, "l": size, "m": 2, "z": 6, "c": 3}


def large_page(folder, large):
    """Pages that are larger than the cap, compressed and not, of numbers in deltas and of texts."""
    rows = 8_000_000 if large else 2_000_000
    numbers = pa.array(range(rows), pa.int64())
    pq.write_table(pa.table({"n": numbers, "f": numbers.cast(pa.float64())}), folder / "in.parquet",
                   row_group_size=rows, data_page_size=2 ** 30, max_rows_per_page=2 ** 30, use_dictionary=False,
                   compression={"n": "snappy", "f": "none"})
    return [aggregate("sum(n) AS n", "sum(f) AS f", "count(*) AS c")], {
        "n": rows * (rows - 1) // 2, "f": float(rows * (rows - 1) // 2), "c": rows}


def large_delta_page(folder, large):
    """Deltas: a page of them is taken apart as a whole."""
    rows = 8_000_000 if large else 2_000_000
    numbers = pa.array(range(0, 7 * rows, 7), pa.int64())
    pq.write_table(pa.table({"n": numbers}), folder / "in.parquet", row_group_size=rows, data_page_size=2 ** 30,
                   max_rows_per_page=2 ** 30, use_dictionary=False, column_encoding={"n": "DELTA_BINARY_PACKED"})
    return [aggregate("sum(n) AS n", "count(*) AS c")], {"n": 7 * rows * (rows - 1) // 2, "c": rows}


FILES = [many_rows, large_dictionary, many_columns, all_columns, long_text, long_list, long_struct,
         large_page, large_delta_page]


def check(report, make, large):
    name = make.__name__.replace("_", " ")
    folder = Path(tempfile.mkdtemp(prefix="parquet-large-", dir=scratch_folder()))
    steps, expected = make(folder, large)
    code, out, above = run_weir(folder, steps, CAP)
    found = out
    if code == 0:
        found = digest_of(folder / "out.csv") if isinstance(expected, str) else json.loads(out)
    problems = [] if found == expected else [f"exit {code}: {str(found)[:500]}, expected {expected}"]
    report.judge(name, problems + ([f"{above} bytes above the cap"] if above else []))
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="files whose name has this text")
    parser.add_argument("--large", action="store_true", help="noted in the ledger")
    args = parser.parse_args()
    report = Report()
    for make in FILES:
        if args.only in make.__name__:
            check(report, make, args.large)
    if args.large:
        add_to_ledger("Parquet, large parts", "", f"{len(FILES)} files at {CAP} MB", report.failed)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
