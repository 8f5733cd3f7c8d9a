#!/usr/bin/env python3
"""Arrow files and streams that weir writes, read by PyArrow: they are valid and equal what went in.

test/conformance/arrow_write.py [--only TEXT] [--keep]

Tables of every type go in as Arrow, through every option of the writer at small caps and large, to a path and to
standard output; so do rows that are longer than memory.
"""
import subprocess
import sys
from pathlib import Path

import pyarrow as pa

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.arrow_text import Float, json_of  # noqa: E402
from harness.conformance import run_groups  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment  # noqa: E402
from arrow_read import layouts, write  # noqa: E402
from parquet_read import flat_table, nested_table  # noqa: E402

OPTIONS = [
    ("out.arrow", ""), ("out.arrows", "batch_rows: 7"), ("out.feather", "compression: lz4"),
    ("out.arrow", "compression: zstd, compression_level: 1, batch_rows: 500"),
    ("out.ipc", "large_offsets: true, layout: stream"), ("-", ""), ("-", "layout: file, compression: lz4"),
    ("out.arrow", "dictionary: true, batch_rows: 100"),
    ("-", "dictionary: true, compression: zstd, large_offsets: true"),
]


def weir(folder, steps, cap):
    """What it puts on standard output, and its message."""
    file = folder / "pipeline.yaml"
    file.write_text("steps:\n" + "".join(f"  - {step}\n" for step in steps))
    done = subprocess.run([PROGRAM, "run", file, "--memory-cap", cap, "--spill-dir", folder, "-q"],
                          capture_output=True, env=clean_environment(), check=False, timeout=60)
    return done.stdout, done.stderr.decode()


def read(content):
    """A file has a footer, a stream has not; either must hold what its metadata says."""
    source = pa.BufferReader(content)
    is_file = bytes(content[:6]) == b"ARROW1"
    table = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(source).read_all()
    table.validate(full=True)
    return is_file, table


def plain(value):
    """json_of's texts; floats as they are."""
    if isinstance(value, Float):
        return value.value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def values(table):
    return {name: [plain(json_of(scalar)) for scalar in column]
            for name, column in zip(table.column_names, table.columns)}


def difference(expected, found):
    if list(expected) != list(found):
        return f"columns {list(found)}"
    for name, column in expected.items():
        for row, (a, b) in enumerate(zip(column, found[name], strict=True)):
            if a != b:
                return f"row {row}, '{name}': {b!r}, expected {a!r}"
    return ""


def write_tables(report, folder, wanted):
    for name, table in [("flat", flat_table(1, 1200)), ("nested", nested_table(2, 700)),
                        ("layouts", layouts(3, 600)), ("empty", flat_table(4, 0))]:
        path = folder / "in.arrow"
        write(path, table, False)
        expected = None
        for destination, options in OPTIONS:
            full = f"{name}: {destination} {options}"
            if not wanted(full):
                continue
            expected = expected or values(table)
            out = folder / destination
            target = destination if destination == "-" else out
            shown, message = weir(folder, [f"{{op: scan, source: {path}}}",
                                           f'{{op: sink, destination: "{target}", format: arrow, '
                                           f"mode: overwrite, options: {{{options}}}}}"], "24MB")
            if message:
                report.fail(full, message)
                continue
            is_file, found = read(shown if destination == "-" else out.read_bytes())
            asked = "layout: file" in options or (
                "layout" not in options and destination not in ("-", "out.arrows"))
            why = difference(expected, values(found))
            report.judge(full, ([why] if why else []) + ([] if is_file == asked else ["another layout"]))


def write_dictionaries(report, folder, wanted):
    """Of few texts, of more than are kept in mind, and of some too long for that."""
    rows, long = 60_000, 20_000
    for destination, options in [("out.arrow", ""), ("out.arrow", ", compression: lz4"),
                                 ("out.arrows", ", batch_rows: 5000"), ("out.arrows", ", compression: zstd")]:
        name = f"dictionaries: {destination}{options}"
        if not wanted(name):
            continue
        out = folder / destination
        _, message = weir(folder, [
            f"""{{op: generate, rows: {rows}, columns: {{i: "i", few: "'word ' || (i % 1000)", """
            """gaps: "CASE WHEN i % 7 = 0 THEN NULL ELSE 'n' || (i % 3) END", many: "'text of number ' || i % 50000", """
            f"""long: "CASE WHEN i % 20000 = 5 THEN repeat('ab', {long}) ELSE 'short' END", """
            """plain: "'p' || i % 10"}}""",
            f"{{op: sink, destination: {out}, mode: overwrite, options: {{dictionary: [few, gaps, many, long]"
            f"{options}}}}}"], "24MB")
        if message:
            report.fail(name, message)
            continue
        is_file, found = read(out.read_bytes())
        expected = {"i": list(range(rows)), "few": [f"word {i % 1000}" for i in range(rows)],
                    "gaps": [None if i % 7 == 0 else f"n{i % 3}" for i in range(rows)],
                    "many": [f"text of number {i % 50000}" for i in range(rows)],
                    "long": ["ab" * long if i % 20000 == 5 else "short" for i in range(rows)],
                    "plain": [f"p{i % 10}" for i in range(rows)]}
        problems = [f"'{column}'" for column, right in expected.items() if found[column].to_pylist() != right]
        coded = [field.name for field in found.schema if pa.types.is_dictionary(field.type)]
        if coded != ["few", "gaps", "many", "long"]:
            problems.append(f"columns with dictionaries: {coded}")
        words = [len(chunk.dictionary) for chunk in found["many"].chunks]
        if not (max(words) > 50_000 if is_file else min(words) < max(words) < 50_000):
            problems.append(f"dictionaries of {words} values")
        again, message = weir(folder, [f"{{op: scan, source: {out}}}", '{op: aggregate, aggs: ["count(*) AS n", '
                                       '"count(DISTINCT many) AS m", "sum(octet_length(long)) AS l"]}',
                                       '{op: sink, destination: "-", format: csv}'], "24MB")
        right = f"n,m,l\n{rows},50000,{3 * 2 * long + (rows - 3) * 5}\n"
        if again.decode() != right:
            problems.append(f"read again: {again.decode()}{message}")
        report.judge(name, problems)


def write_long(report, folder, wanted):
    """A row that no block has room for: texts, lists and structs of megabytes."""
    rows = 150_000
    for options in ["", "compression: lz4", "large_offsets: true, batch_rows: 1"]:
        name = f"long rows: {options}"
        if not wanted(name):
            continue
        out = folder / "long.arrow"
        _, message = weir(folder, [
            f"""{{op: generate, rows: {rows}, columns: {{i: "i", g: "i % 2", t: "'text number ' || i", """
            """s: "{'a': i, 'b': [i, NULL, i + 1]}"}}""",
            '{op: aggregate, group_by: [g], aggs: ["array_agg(i ORDER BY i) AS li", '
            '"array_agg(t ORDER BY i) AS lt", "array_agg(s ORDER BY i) AS ls", '
            """"string_agg(t, ',' ORDER BY i) AS long", "min(t) AS short"]}""",
            "{sort: [g]}",
            f"{{op: sink, destination: {out}, mode: overwrite, options: {{{options}}}}}"], "24MB")
        if message:
            report.fail(name, message)
            continue
        _, found = read(out.read_bytes())
        problems = []
        for g in range(2):
            numbers = list(range(g, rows, 2))
            texts = [f"text number {i}" for i in numbers]
            for column, right in [("li", numbers), ("lt", texts), ("long", ",".join(texts)), ("short", min(texts)),
                                  ("ls", [{"a": i, "b": [i, None, i + 1]} for i in numbers])]:
                if found[column][g].as_py() != right:
                    problems.append(f"'{column}' of row {g}")
        report.judge(name, problems)


if __name__ == "__main__":
    sys.exit(run_groups("arrow-write", [write_tables, write_dictionaries, write_long]))
