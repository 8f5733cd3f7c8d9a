#!/usr/bin/env python3
"""Arrow files and streams that others wrote: what weir reads of them is what they put in.

test/conformance/arrow_read.py [--only TEXT] [--keep]

Tables of every type and layout are written by PyArrow in every codec, as files and as streams, and read at a
small and a large cap, from a path and from standard input.
"""
import datetime
import decimal
import random
import subprocess
import sys
import uuid
from pathlib import Path

import pyarrow as pa

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.arrow_text import first_difference, read_lines  # noqa: E402
from harness.conformance import run_groups  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402
from parquet_read import flat_table, nested_table, sometimes  # noqa: E402

CAPS = ["16MB", "200MB"]
CODECS = [None, "lz4", "zstd"]


def weir(folder, source, cap, content=None, condition=""):
    """Objects that weir makes of a file, or of bytes on standard input; or its message."""
    file = folder / "pipeline.yaml"
    file.write_text(f"steps:\n  - op: scan\n    source: \"{source}\"\n    format: arrow\n" +
                    (f"  - op: filter\n    expr: {condition}\n" if condition else "") +
                    '  - op: sink\n    destination: "-"\n    format: json\n')
    done = subprocess.run([PROGRAM, "run", file, "--memory-cap", cap, "--spill-dir", folder],
                          capture_output=True, env=clean_environment(), check=False, timeout=60,
                          input=content)
    if done.returncode:
        return None, done.stderr.decode()
    return read_lines(done.stdout.decode()), ""


def write(path, table, is_stream, rows=None, **options):
    make = pa.ipc.new_stream if is_stream else pa.ipc.new_file
    with make(path, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, rows)


def check(report, folder, name, table, path, right=None):
    """Read from a path at a small cap, from standard input at another. Whoever gives the rows that are right
    spares a look at each; returns them."""
    problems = []
    for cap, content in [(CAPS[0], None), (CAPS[1], path.read_bytes())]:
        found, message = weir(folder, "-" if content else path, cap, content)
        why = message if found is None else None if right and found == right else first_difference(table, found)
        right = right or found
        problems += [f"cap {cap}, {'standard input' if content else 'a path'}: {why}"] if why else []
    report.judge(name, problems)
    return None if problems else right


# ---- Tables ---------------------------------------------------------------------------------------


def layouts(seed, n):
    """Types and layouts that Parquet has not; n is even."""
    draw = random.Random(seed)
    whole = lambda low, high: [draw.randint(low, high) for _ in range(n)]  # noqa: E731
    some = lambda values: sometimes(draw, values, 0.2)  # noqa: E731
    texts = ["y" * draw.randint(0, 30) + "é" * draw.randint(0, 2) for _ in range(n)]
    blobs = [draw.randbytes(draw.randint(0, 30)) for _ in range(n)]
    lists = [[draw.choice(["a", "some longer word", ""]) for _ in range(draw.randint(0, 4))]
             for _ in range(n)]
    decimals = lambda most, scale: [decimal.Decimal(x).scaleb(-scale) for x in whole(-most, most)]  # noqa: E731
    halves = pa.array(some([x / 4 for x in whole(-1000, 1000)]), pa.float32()).cast(pa.float16())
    ends = pa.array(sorted({*whole(1, n - 1)[:n // 9], n}), pa.int32())
    kinds = pa.array([0, 1] * (n // 2), pa.int8())
    numbers, names = pa.array(range(n)), pa.array([f"name {i}" for i in range(n)])
    columns = {
        "half": halves, "large_text": pa.array(some(texts), pa.large_string()),
        "text_view": pa.array(some(texts), pa.string_view()),
        "bytes_view": pa.array(some(blobs), pa.binary_view()),
        "large_bytes": pa.array(some(blobs), pa.large_binary()),
        "d32": pa.array(some(decimals(99999, 2)), pa.decimal32(7, 2)),
        "d64": pa.array(some(decimals(10 ** 17, 3)), pa.decimal64(18, 3)),
        "d256": pa.array(some(decimals(10 ** 30, 3)), pa.decimal256(50, 3)),
        "d256_small": pa.array(some(decimals(10 ** 9, 0)), pa.decimal256(12, 0)),
        "date64": pa.array(some([datetime.date(1900, 1, 1) + datetime.timedelta(days=d)
                                 for d in whole(0, 80000)]), pa.date64()),
        "t32": pa.array(some(whole(0, 86399)), pa.time32("s")),
        "seconds": pa.array(some(whole(-10 ** 9, 10 ** 10)), pa.timestamp("s", "UTC")),
        "interval": pa.array(some([pa.MonthDayNano([a, b, 1000 * c]) for a, b, c in zip(
            whole(-30, 30), whole(-50, 50), whole(-10 ** 10, 10 ** 10))]), pa.month_day_nano_interval()),
        "words": pa.array(some([draw.choice(["a", "", "a long dictionary word"]) for _ in range(n)])
                          ).dictionary_encode(),
        "codes8": pa.DictionaryArray.from_arrays(pa.array(some(whole(0, 3)), pa.int8()),
                                                 pa.array(["x", None, "longer than twelve", "é"])),
        "codes_u16": pa.DictionaryArray.from_arrays(pa.array(some(whole(0, 2)), pa.uint16()),
                                                    pa.array([7, None, 2 ** 40])),
        "coded_lists": pa.DictionaryArray.from_arrays(pa.array(some(whole(0, 2)), pa.int64()),
                                                      pa.array([[1, None], [], None], pa.list_(pa.int8()))),
        "runs": pa.RunEndEncodedArray.from_arrays(ends, pa.array(some(texts)[:len(ends)])),
        "number_runs": pa.RunEndEncodedArray.from_arrays(ends.cast(pa.int64()), numbers[:len(ends)]),
        "fixed_list": pa.array(some([[a, None, 3] for a in whole(0, 9)]), pa.list_(pa.int16(), 3)),
        "large_list": pa.array(some(lists), pa.large_list(pa.string())),
        "list_view": pa.array(some(lists), pa.list_view(pa.string())),
        "large_list_view": pa.array(some(lists), pa.large_list_view(pa.string_view())),
        "coded_in_list": pa.array(some(lists), pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        "uuid": pa.array(some([uuid.UUID(int=draw.getrandbits(128)).bytes for _ in range(n)]), pa.uuid()),
        "dense": pa.UnionArray.from_dense(kinds, pa.array([i // 2 for i in range(n)], pa.int32()),
                                          [numbers, names], ["number", "name"]),
        "sparse": pa.UnionArray.from_sparse(kinds, [numbers, names], ["number", "name"]),
        "none": pa.nulls(n),
    }
    for unit in ["s", "ms", "us"]:
        columns[f"duration_{unit}"] = pa.array(some(whole(-10 ** 9, 10 ** 9)), pa.duration(unit))
    columns["duration_ns"] = pa.array(some([1000 * x for x in whole(-10 ** 9, 10 ** 9)]), pa.duration("ns"))
    return pa.table(columns)


# ---- Cases ----------------------------------------------------------------------------------------


def tables():
    yield "flat", flat_table(1, 1500), 1300
    yield "no-nulls", flat_table(2, 300, 0), None
    yield "all-null", flat_table(3, 300, 1), 200
    yield "one-row-batches", flat_table(5, 20), 1
    yield "empty", flat_table(6, 0), None
    yield "nested", nested_table(9, 600), 500
    yield "layouts", layouts(11, 1200), 1100
    yield "few-rows", layouts(12, 10), None


def read_tables(report, folder, wanted):
    for name, table, rows in tables():
        right = None
        for codec in CODECS:
            for is_stream in [False, True]:
                full = f"{name}, {codec or 'plain'}, {'stream' if is_stream else 'file'}"
                if wanted(full):
                    path = folder / "table.arrow"
                    write(path, table, is_stream, rows, compression=codec)
                    right = check(report, folder, full, table, path, right)


def read_filtered(report, folder, wanted):
    """Rows that a filter leaves: many, few, some in a row, none; columns of every layout wait for them."""
    filters = [("row % 3 = 1", lambda i: i % 3 == 1), ("row % 250 = 7 OR mark LIKE '%99'", lambda i: i % 250 == 7 or
               i % 100 == 99), ("row >= 1100 AND row < 1130", lambda i: 1100 <= i < 1130), ("row < 0", lambda i: False)]
    long = {"l": [[f"item {i}" * 30] * 60 for i in range(1400)]}  # few of these rows fit the memory of a column
    for name, table in [("flat", flat_table(21, 1400)), ("nested", nested_table(22, 1400)),
                        ("layouts", layouts(23, 1400)), ("long lists", pa.table(long))]:
        table = table.append_column("row", pa.array(range(1400))).append_column(
            "mark", pa.array([f"text {i}" for i in range(1400)], pa.string_view()))
        for is_stream, codec in [(False, None), (False, "zstd"), (True, "lz4")]:
            path, kind = folder / "table.arrow", f"{name}, {codec or 'plain'}, {'stream' if is_stream else 'file'}"
            write(path, table, is_stream, 1350, compression=codec)
            every = weir(folder, path, "16MB")[0] if wanted(f"filter {kind}") else None
            for condition, passes in filters if every else []:
                found, message = weir(folder, path, "16MB", None, condition)
                right = [row for i, row in enumerate(every) if passes(i)]
                report.judge(f"filter {kind}: {condition}", [] if found == right else [message or "other rows"])


def read_old(report, folder, wanted):
    """As written before 0.15, and before 1.0."""
    version = pa.ipc.MetadataVersion.V4
    for name, table in [("flat", flat_table(2, 40)), ("layouts", layouts(5, 40).drop_columns(["dense", "sparse"]))]:
        for options in [{"use_legacy_format": True}, {"metadata_version": version},
                        {"use_legacy_format": True, "metadata_version": version, "compression": "lz4"}]:
            for is_stream in [False, True]:
                full = f"old {name}, {' '.join(options)}, {'stream' if is_stream else 'file'}"
                if wanted(full):
                    path = folder / "old.arrow"
                    write(path, table, is_stream, 16, **options)
                    check(report, folder, full, table, path)


def read_large(report, folder, wanted):
    """Record batches, texts and dictionaries that do not fit the memory set aside for them."""
    draw, n = random.Random(21), 100_000
    table = pa.table({"i": pa.array(range(n)), "s": pa.array([f"row {i % 1000}" * 3 for i in range(n)]),
                      "f": pa.array([draw.random() for _ in range(n)])})
    texts = pa.table({"i": pa.array(range(6)),
                      "s": pa.array(["short", None, "long " * 900_000, "", "x" * 3_000_000, "end"])})
    lists = pa.table({"l": pa.array([[1], list(range(100_000)), None, []], pa.list_(pa.int64())),
                      "m": pa.array([None, [("key", "value")], [(f"key {i}", f"value {i}" * 3) for i in range(9000)],
                                     []], pa.map_(pa.string(), pa.string()))})
    words = pa.array([f"a word of number {i}" * 2 for i in range(30_000)])
    coded = pa.table({"w": pa.DictionaryArray.from_arrays(pa.array([i * 7919 % 30_000 if i % 5 else None
                                                                    for i in range(20_000)], pa.int32()), words)})
    for name, rows in [("large batch", table), ("long texts", texts), ("long lists", lists),
                       ("large dictionary", coded)]:
        right = None
        for codec in CODECS:
            for is_stream in [False, True]:
                full = f"{name}, {codec or 'plain'}, {'stream' if is_stream else 'file'}"
                if wanted(full):
                    path = folder / "large.arrow"
                    write(path, rows, is_stream, compression=codec)
                    right = check(report, folder, full, rows, path, right)


def read_dictionaries(report, folder, wanted):
    """Dictionaries that grow, and that are replaced."""
    def batch(words, codes):
        return pa.record_batch({"w": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()),
                                                                    pa.array(words, pa.string()))})

    grow = [batch(["a", "b"], [0, 1, None]), batch(["a", "b", "c"], [2, 1]),
            batch(["a", "b", "c", "a longer word", None], [4, 3, 2, 1, 0])]
    replace = [batch(["a", "b"], [0, 1]), batch(["c", "d", "e"], [0, 1, 2]), batch([], [None])]
    for name, batches, options in [("deltas", grow, {"emit_dictionary_deltas": True}),
                                   ("replaced", replace, {})]:
        for is_stream in [False, True]:
            full = f"dictionaries: {name}, {'stream' if is_stream else 'file'}"
            if not wanted(full) or (name == "replaced" and not is_stream):
                continue
            path = folder / "dictionaries.arrow"
            make = pa.ipc.new_stream if is_stream else pa.ipc.new_file
            with make(path, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
                for item in batches:
                    writer.write_batch(item)
            check(report, folder, full, pa.Table.from_batches(batches), path)


def read_large_deltas(report, folder, wanted):
    """Dictionaries that grow beyond the memory set aside for them: texts, some long; numbers; lists; NULLs."""
    draw, count, steps = random.Random(31), 48_000, 6
    long = {100: "long " * 3000, 20_000: "x" * 900_000, 47_999: "y" * 5000}
    kinds = {
        "texts": pa.array([long.get(i, f"a word of number {i}" * 2) if i % 1000 != 3 else None for i in range(count)]),
        "numbers": pa.array([i * 10 ** 9 if i % 50 else None for i in range(3 * count)]),
        "lists": pa.array([[f"item {i}", None, "x" * (i % 30)] * (1 + 700 * (i == 777)) if i % 9 else None
                           for i in range(count)], pa.list_(pa.string())),
    }
    for kind, words in kinds.items():
        ends = [len(words) * (step + 1) // steps for step in range(steps)]
        batches = [pa.record_batch({"w": pa.DictionaryArray.from_arrays(
            pa.array([draw.randrange(end) if draw.random() > 0.1 else None for _ in range(400)] +
                     [i for i in [100, 777, 20_000, 47_999] if i < end], pa.int32()), words[:end])}) for end in ends]
        right, table = None, pa.Table.from_batches(batches)
        for codec in CODECS:
            for is_stream in [False, True]:
                full = f"large deltas of {kind}, {codec or 'plain'}, {'stream' if is_stream else 'file'}"
                if not wanted(full):
                    continue
                path = folder / "deltas.arrow"
                make = pa.ipc.new_stream if is_stream else pa.ipc.new_file
                options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True, compression=codec)
                with make(path, table.schema, options=options) as writer:
                    for item in batches:
                        writer.write_batch(item)
                right = check(report, folder, full, table, path, right)


if __name__ == "__main__":
    sys.exit(run_groups("arrow-read",
                        [read_tables, read_filtered, read_old, read_large, read_dictionaries,
                         read_large_deltas]))
