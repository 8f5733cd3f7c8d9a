#!/usr/bin/env python3
"""Random tables as Parquet from PyArrow or DuckDB through weir to Parquet, read again by both.

test/conformance/parquet_exchange.py [--seed N] [--runs N] [--only SEED] [--large]

A seed chooses columns of any type and depth, how the file is written (codec, page version, encodings,
dictionary, sizes of pages, row groups and batches, statistics, page index, bloom filters), a filter,
columns that are wanted, cap, threads, and how weir writes. The rows that come out are those that went
in, for both readers. A cap that is refused with a message is followed by a large one.
"""
import argparse
import collections
import datetime
import decimal
import random
import shutil
import subprocess
import sys
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.paths import PROGRAM, scratch_folder  # noqa: E402
from harness.report import Report, add_to_ledger  # noqa: E402
from harness.run import clean_environment  # noqa: E402

LARGE_CAP, NO_MEMORY = "1GB", 4
DAY = datetime.date(1970, 1, 1)


# ---- Types and values -----------------------------------------------------------------------------


def integers(bits, signed=True):
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2 ** bits - 1)
    return lambda draw: draw.choice([draw.randint(low, high), draw.randint(max(low, -9), 9), low, high])


def scaled(precision, scale):
    most = 10 ** precision - 1
    return lambda draw: decimal.Decimal(draw.choice([draw.randint(-most, most), 0, -1, most])).scaleb(
        -scale, decimal.Context(prec=60))


def text(draw):
    return draw.choice(["", "a", "Straße", "日本" * draw.randint(1, 9), f"k{draw.randint(0, 99)}",
                        "x" * draw.choice([12, 13, 40, 300]), str(draw.random())])


def number(draw):
    return draw.choice([draw.gauss(0, 1e3), float(draw.randint(-5, 5)), 0.0, -0.0, 1e30, float("inf"), -1e-30])


def between(low, high):
    return lambda draw: draw.choice([draw.randint(low, high), draw.randint(low, high), 0, low, high])


SECONDS = 4 * 10 ** 9  # from 1843 to 2096
# (type, a value of it, DuckDB can write it)
FLAT = [(pa.int8(), integers(8), True), (pa.uint8(), integers(8, False), True), (pa.int16(), integers(16), True),
        (pa.uint16(), integers(16, False), True), (pa.int32(), integers(32), True),
        (pa.uint32(), integers(32, False), True), (pa.int64(), integers(64), True),
        (pa.uint64(), integers(64, False), True), (pa.float32(), number, True), (pa.float64(), number, True),
        (pa.float16(), lambda draw: draw.choice([0.5, -2.0, 65504.0, 2.0 ** -24]), False),
        (pa.bool_(), lambda draw: draw.random() < 0.5, True), (pa.string(), text, True),
        (pa.binary(), lambda draw: draw.randbytes(draw.choice([0, 1, 12, 13, 80])), True),
        (pa.binary(7), lambda draw: draw.randbytes(7), False), (pa.large_string(), text, True),
        (pa.date32(), lambda draw: DAY + datetime.timedelta(days=draw.randint(-100000, 100000)), True),
        (pa.time32("ms"), between(0, 86399999), False), (pa.time64("us"), between(0, 86399999999), True),
        (pa.time64("ns"), between(0, 86399999999999), False),
        (pa.timestamp("ms"), between(-SECONDS * 1000, SECONDS * 1000), True),
        (pa.timestamp("us"), between(-SECONDS * 10 ** 6, SECONDS * 10 ** 6), True),
        (pa.timestamp("us", "UTC"), between(-SECONDS * 10 ** 6, SECONDS * 10 ** 6), True),
        (pa.timestamp("ns"), between(-SECONDS * 10 ** 9, SECONDS * 10 ** 9), True),
        (pa.decimal128(5, 1), scaled(5, 1), True), (pa.decimal128(9, 9), scaled(9, 9), True),
        (pa.decimal128(18, 4), scaled(18, 4), True), (pa.decimal128(19, 0), scaled(19, 0), True),
        (pa.decimal128(38, 20), scaled(38, 20), True), (pa.uuid(), lambda draw: draw.randbytes(16), False)]


def random_type(draw, depth, for_duckdb):
    """(type, a function that draws a value of it)"""
    if depth == 0 or draw.random() < 0.45:
        kind, make, _ = draw.choice([f for f in FLAT if not for_duckdb or f[2]])
        if depth < 4 and isinstance(kind, pa.UuidType):
            return random_type(draw, depth, for_duckdb)  # PyArrow makes no lists of them
        return kind, make
    how = draw.choice(["list", "list", "struct", "map"])
    if how == "struct":
        members = [random_type(draw, depth - 1, for_duckdb) for _ in range(draw.randint(1, 3))]
        kind = pa.struct([(f"m{i}", member) for i, (member, _) in enumerate(members)])
        return kind, lambda r: {f"m{i}": or_null(r, make) for i, (_, make) in enumerate(members)}
    inner, make = random_type(draw, depth - 1, for_duckdb)
    if how == "map":
        key = draw.choice([pa.string(), pa.int32()])
        return pa.map_(key, inner), lambda r: [(key_of(key, k), or_null(r, make))
                                               for k in range(r.choice([0, 0, 1, 2, 3]))]
    kind = draw.choice([pa.list_, pa.list_, pa.large_list])(inner)
    return kind, lambda r: [or_null(r, make) for _ in range(r.choice([0, 1, 1, 2, 3, 6]))]


def key_of(kind, index):
    return index * 7 if pa.types.is_integer(kind) else f"key{index}"


def or_null(draw, make):
    return None if draw.random() < 0.15 else make(draw)


def random_array(draw, kind, make, row_count):
    """Few different values or many, in order, in runs, or as they come; some, all or none NULL."""
    pool_size = draw.choice([1, 5, 200, 3000])
    pool = pa.array([make(draw) for _ in range(min(pool_size, row_count) or 1)], kind)
    shape = draw.choice(["any", "any", "sorted", "runs"])
    rows = draw.choices(range(len(pool)), k=row_count)
    if shape == "sorted":
        rows.sort()
    while shape == "runs" and row_count > 0:
        length = draw.choice([1, 7, 8, 9, 500])
        at = draw.randrange(row_count)
        rows[at:at + length] = [rows[at]] * len(rows[at:at + length])
        shape = draw.choice(["runs"] * 20 + ["done"])
    share = draw.choice([0, 0, 0.01, 0.3, 0.99, 1])
    return pool.take(pa.array([None if draw.random() < share else row for row in rows], pa.int64()))


def random_table(draw, row_count, for_duckdb):
    columns = {"id": pa.array(range(row_count), pa.int64())}
    for i in range(draw.choice([1, 2, 4, 8])):
        kind, make = random_type(draw, draw.choice([0, 0, 1, 2, 4]), for_duckdb)
        columns[f"c{i}"] = random_array(draw, kind, make, row_count)
    return pa.table(columns)


# ---- The file -------------------------------------------------------------------------------------


def leaves(kind, path):
    """(path, type) of the leaf columns of a type, as PyArrow names them."""
    if pa.types.is_map(kind):
        return leaves(kind.key_type, f"{path}.key_value.key") + leaves(kind.item_type, f"{path}.key_value.value")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return leaves(kind.value_type, f"{path}.list.element")
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in leaves(field.type, f"{path}.{field.name}")]
    return [(path, kind)]


def encodings_of(kind, integer_decimals):
    """Encodings that may be asked for, by the physical type that PyArrow chooses."""
    if pa.types.is_boolean(kind):
        return ["PLAIN"]
    if pa.types.is_decimal(kind):
        if not integer_decimals or kind.precision > 18:
            return ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
        return ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    if pa.types.is_floating(kind) and kind != pa.float16():
        return ["PLAIN", "BYTE_STREAM_SPLIT"]
    if pa.types.is_fixed_size_binary(kind) or isinstance(kind, pa.UuidType) or kind == pa.float16():
        return ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"]
    if pa.types.is_primitive(kind):
        return ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    return ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]


def write_with_pyarrow(draw, table, path):
    rows = table.num_rows
    options = {"compression": draw.choice(["none", "snappy", "gzip", "zstd", "lz4"]),
               "data_page_version": draw.choice(["1.0", "2.0"]),
               "row_group_size": draw.choice([max(1, rows // 50), 1000, 5000, 10 ** 7]),
               "data_page_size": draw.choice([1, 500, 5000, 1 << 20]),
               "write_batch_size": draw.choice([1 if rows < 3000 else 64, 100, 1024]),
               "write_statistics": draw.random() < 0.8, "write_page_index": draw.random() < 0.5,
               "write_page_checksum": draw.random() < 0.5, "store_schema": draw.random() < 0.5,
               "use_compliant_nested_type": True, "store_decimal_as_integer": draw.random() < 0.5,
               "use_dictionary": draw.random() < 0.6,
               "dictionary_pagesize_limit": draw.choice([100, 5000, 1 << 20])}
    if draw.random() < 0.1:
        options["use_deprecated_int96_timestamps"] = True
    elif not options["use_dictionary"]:
        options["column_encoding"] = {name: draw.choice(encodings_of(kind, options["store_decimal_as_integer"]))
                                      for field in table.schema for name, kind in leaves(field.type, field.name)}
    if options["row_group_size"] < 10:
        options["row_group_size"] = 1 if rows < 300 else 10
    if draw.random() < 0.4:
        options["bloom_filter_options"] = {"id": {"ndv": 100, "fpp": 0.05}}
    pq.write_table(table, path, **options)
    return table, options


def write_with_duckdb(draw, table, path):
    options = {"CODEC": draw.choice(["'uncompressed'", "'snappy'", "'gzip'", "'zstd'", "'lz4_raw'"]),
               "PARQUET_VERSION": draw.choice(["v1", "v2"]),
               "ROW_GROUP_SIZE": draw.choice([2048, 10240, 122880]),
               "STRING_DICTIONARY_PAGE_SIZE_LIMIT": draw.choice([100, 1 << 20]),
               "DICTIONARY_SIZE_LIMIT": draw.choice([1, 100, 100000])}
    said = ", ".join(f"{name} {value}" for name, value in options.items())
    connection = duckdb.connect()
    connection.register("source", table)
    connection.execute(f"COPY source TO '{path}' (FORMAT parquet, {said})")
    return connection.execute(f"SELECT * FROM read_parquet('{path}')").to_arrow_table(), options


# ---- Through weir ---------------------------------------------------------------------------------


def comparable(table):
    """Columns that DuckDB takes from Arrow and weir compares."""
    return [field for field in table.schema if not pa.types.is_nested(field.type) and
            field.type not in (pa.float16(), pa.uuid(), pa.uint64())]


def literal(value):
    """As weir and DuckDB write it; None: not at all."""
    if isinstance(value, str):
        return "'" + value + "'"
    if isinstance(value, bool) or isinstance(value, float) or value == -2 ** 63:
        return None
    if isinstance(value, decimal.Decimal):
        return f"{value:f}" if len(value.as_tuple().digits) < 15 else None
    if isinstance(value, (datetime.datetime, datetime.date)):
        return f"'{value}'" if 1900 < value.year < 2100 and getattr(value, "tzinfo", None) is None else None
    return str(value) if isinstance(value, int) else None


def comparison(draw, field, column):
    """A condition on a column, which some of its values may meet."""
    values = [None]
    if len(column) > 0 and field.type not in (pa.time64("ns"), pa.timestamp("ns")):
        values = [literal(column[draw.randrange(len(column))].as_py()) for _ in range(3)]
    if None in values:
        return f"{field.name} IS {draw.choice(['', 'NOT '])}NULL"
    return draw.choice([f"{field.name} {draw.choice(['=', '<', '<=', '>', '>=', '<>'])} {values[0]}",
                        f"{field.name} IN ({', '.join(values)})",
                        f"{field.name} BETWEEN {values[0]} AND {values[1]}"])


def condition(draw, table):
    """A filter in the words of both weir and DuckDB, or None."""
    rows = table.num_rows
    field = draw.choice(comparable(table))
    one = comparison(draw, field, table[field.name].drop_null())
    first = draw.randint(0, rows)
    return draw.choice([None, one, one, one, f"id < {first}", f"id % {draw.choice([2, 37, 1000])} = 1",
                        f"id IN ({first}, {draw.randint(0, rows)})", f"id > {first} AND {one}",
                        f"id BETWEEN {first} AND {first + 20} OR {one}"])


def run_weir(draw, folder, where, columns, counts):
    """Rewrite in.parquet as out.parquet; the message if that failed."""
    options = {"compression": draw.choice(["zstd", "snappy", "gzip", "lz4_raw", "none"]),
               "page_version": draw.choice(["v1", "v2"]), "dictionary": draw.choice(["true", "false"]),
               "row_group_rows": draw.choice([100, 5000, 1000000])}
    steps = ["  - {op: scan, source: in.parquet}"]
    steps += [f'  - {{op: filter, expr: "{where}"}}'] if where else []
    steps += [f"  - {{op: project, columns: [{', '.join(columns)}]}}"] if columns else []
    steps += [f"  - {{op: sink, destination: out.parquet, mode: overwrite, options: {{"
              f"{', '.join(f'{name}: {value}' for name, value in options.items())}}}}}"]
    (folder / "p.yaml").write_text("steps:\n" + "\n".join(steps) + "\n", encoding="utf-8")
    for cap in [draw.choice(["24MB", "32MB", "64MB", "200MB"]), LARGE_CAP]:
        done = subprocess.run([PROGRAM.resolve(), "run", "p.yaml", "-q", "--memory-cap", cap, "--threads",
                               draw.choice(["1", "2", "3"]), "--spill-dir", folder], cwd=folder, text=True,
                              capture_output=True, env=clean_environment(), check=False, timeout=300)
        if done.returncode == 0:
            return None
        if done.returncode == NO_MEMORY and cap != LARGE_CAP:
            counts["refused"] += 1
        else:
            break
    return f"weir, cap {cap}: exit {done.returncode}: {done.stderr}"


def as_weir(kind):
    """The type that a column has when it has been through weir."""
    if pa.types.is_map(kind):
        return pa.map_(as_weir(kind.key_type), as_weir(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(as_weir(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, as_weir(field.type)) for field in kind])
    if kind == pa.float16():
        return pa.float32()
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    return kind


def to_plain(array, kind):
    """As `kind`; floats as their bits, so that -0.0 is not 0.0; one chunk."""
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if isinstance(array.type, pa.UuidType):
        return array.storage.cast(pa.binary())
    if isinstance(kind, pa.UuidType) and pa.types.is_string(array.type):  # as DuckDB gives them away
        return pa.array([value and uuid.UUID(value).bytes for value in array.to_pylist()], pa.binary())
    array = array.cast(kind.storage_type if isinstance(kind, pa.UuidType) else kind, safe=False)
    if pa.types.is_fixed_size_binary(array.type):
        array = array.cast(pa.binary())
    return array.view(pa.int64()) if pa.types.is_float64(kind) else array


def difference(reader, expected, found):
    if found.column_names != expected.column_names:
        return f"{reader}: columns {found.column_names}, expected {expected.column_names}"
    if found.num_rows != expected.num_rows:
        return f"{reader}: {found.num_rows} rows, expected {expected.num_rows}"
    for name in expected.column_names:
        kind = as_weir(expected.schema.field(name).type)
        one, other = to_plain(expected[name], kind), to_plain(found[name], kind)
        if not one.equals(other):
            for row, (a, b) in enumerate(zip(one, other)):
                if not a.equals(b):
                    return f"{reader}: {name} {kind}, row {row}: {str(b)[:300]}, expected {str(a)[:300]}"
    return None


# ---- Runs -----------------------------------------------------------------------------------------


def check_seed(seed, args, report, counts):
    draw = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="exchange-", dir=scratch_folder()))
    by_duckdb = draw.random() < 0.35
    rows = draw.choice([0, 1, 10, 700, 3000, 9000, *([50000, 200000] if args.large else [])])
    table = random_table(draw, rows, by_duckdb)
    writer = write_with_duckdb if by_duckdb else write_with_pyarrow
    expected, options = writer(draw, table, folder / "in.parquet")
    where = condition(draw, expected)
    connection = duckdb.connect()
    if where:
        connection.register("source", expected.select([field.name for field in comparable(expected)]))
        ids = connection.execute(f"SELECT id FROM source WHERE {where}").to_arrow_table()["id"]
        expected = expected.filter(pc.is_in(expected["id"], ids.combine_chunks()))
    columns = draw.sample(expected.column_names, draw.randint(1, expected.num_columns)) \
        if draw.random() < 0.4 else None
    expected = expected.select(columns) if columns else expected
    problem = run_weir(draw, folder, where, columns, counts)
    if problem is None:
        found = pq.ParquetFile(folder / "out.parquet").read()
        problem = difference("PyArrow", expected, found)
    if problem is None:
        found = connection.execute(f"SELECT * FROM read_parquet('{folder}/out.parquet')").to_arrow_table()
        problem = difference("DuckDB", expected, found)
    counts["duckdb" if by_duckdb else "pyarrow"] += 1
    told = f"{rows} rows, {table.schema.to_string()}, {options}, {where}, {columns}"
    report.judge(f"seed {seed}", [f"{problem}\n{told}\nkept in {folder}"] if problem else [])
    if not problem and not args.only:
        shutil.rmtree(folder)


def check_or_fail(seed, args, report, counts):
    try:
        check_seed(seed, args, report, counts)
    except Exception as error:  # a generator's mistake, or a file that another reader refuses
        report.fail(f"seed {seed}", repr(error))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, help="tables (160, large: 5000)")
    parser.add_argument("--only", type=int, help="this seed, whose files are kept")
    parser.add_argument("--large", action="store_true", help="more rows, too; noted in the ledger")
    args = parser.parse_args()
    report, counts = Report(), collections.Counter()
    runs = args.runs or (5000 if args.large else 160)
    seeds = [args.only] if args.only else range(args.seed, args.seed + runs)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seed: check_or_fail(seed, args, report, counts), seeds))
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    if args.large:
        add_to_ledger("Parquet exchange", f"{args.seed} to {args.seed + runs - 1}",
                      f"{runs} random tables through weir, read by PyArrow and DuckDB", report.failed)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
