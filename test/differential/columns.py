"""Types, and random columns of each: values, distributions, how they are written and compared.

A table is made by DuckDB from a seed: every column picks from a small domain of literals (edges,
NULL, NaN among them) by a hash of the row number, with a distribution of its own, or has another
value in every row.
"""
from dataclasses import dataclass
from random import Random

import pyarrow as pa

INTEGERS = {"Int8": "TINYINT", "Int16": "SMALLINT", "Int32": "INTEGER", "Int64": "BIGINT",
            "UInt8": "UTINYINT", "UInt16": "USMALLINT", "UInt32": "UINTEGER", "UInt64": "UBIGINT"}


def integer_domain(name, random):
    bits = int(name.lstrip("UInt"))
    low, high = (0, 2**bits - 1) if name[0] == "U" else (-2**(bits - 1), 2**(bits - 1) - 1)
    near = [random.randint(max(low, -100), 100) for _ in range(8)]
    return [str(v) for v in [low, high, 0, 1, *near, random.randint(low, high)]]


def float_domain(name, random):
    # Multiples of 1/64 of moderate size: their sums are exact, so no order of adding is special.
    values = [random.randint(-2**15, 2**15) / 64 for _ in range(9)]
    return [repr(v) for v in values + [0.0, -1.0]] + ["'NaN'", "'Infinity'", "'-Infinity'"]


def decimal_domain(precision, scale):
    def domain(_, random):
        whole = 10**precision - 1
        some = [random.randint(-10**6, 10**6) for _ in range(8)]
        # The edges only where sums of them stay inside 38 digits.
        edges = [whole, -whole] if precision <= 18 else []
        return [f"'{'-' * (v < 0)}{abs(v) // 10**scale}.{abs(v) % 10**scale:0{scale}d}'"
                for v in some + edges + [0]]
    return domain


TEXTS = ["", "a", "A", "b", "ab", "a,b", 'say "hi"', "two\nlines", " padded ", "ä", "日本語", "😀",
         "%_\\", "NULL", "0", "x" * 13, "y" * 300, "longer than twelve bytes"]


def text_domain(_, random):
    words = ["".join(random.choice("abcdeABé ") for _ in range(random.randint(1, 30)))
             for _ in range(8)]
    return ["'" + v.replace("'", "''") + "'" for v in random.sample(TEXTS, 8) + words]


def date_domain(_, random):
    days = [random.randint(-40000, 40000) for _ in range(9)]
    return [f"(DATE '1970-01-01' + ({d}))" for d in days] + ["DATE '2000-02-29'",
                                                             "DATE '1969-12-31'"]


def time_domain(_, random):
    def one():
        micros = random.randrange(86_400_000_000)
        seconds = micros // 10**6
        return f"'{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" \
               f".{micros % 10**6:06}'"
    return [one() for _ in range(8)] + ["'00:00:00'", "'23:59:59.999999'"]


def timestamp_domain(_, random):
    return [f"(TIMESTAMP '1970-01-01' + to_microseconds({random.randint(-2**51, 2**51)}))"
            for _ in range(9)] + ["TIMESTAMP '2000-02-29 23:59:59.999999'"]


def uuid_domain(_, random):
    def one():
        text = f"{random.getrandbits(128):032x}"
        return f"'{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}'"
    return [one() for _ in range(9)] + ["'00000000-0000-0000-0000-000000000000'",
                                        "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]


def list_domain(element):
    def domain(name, random):
        values = element(name, random)
        return ["[]", *["[" + ", ".join(random.choice([*values, "NULL"])
                                        for _ in range(random.choice((1, 2, 3, 40)))) + "]"
                        for _ in range(9)]]
    return domain


def struct_domain(_, random):
    texts = text_domain("", random) + ["NULL"]
    return [f"{{'a': {random.choice((1, 2, -3, 'NULL'))}, 'b': {random.choice(texts)}}}"
            for _ in range(10)]


@dataclass
class Type:
    name: str           # as a pipeline writes it
    duck: str           # as DuckDB writes it
    domain: object      # (name, random) -> SQL literals
    distinct: str       # SQL expression over i: another value for every row
    family: str


TYPES = [
    Type("Boolean", "BOOLEAN", lambda *_: ["true", "false"], "", "bool"),
    *[Type(name, duck, integer_domain, "i" if "64" in name or "32" in name else "", "int")
      for name, duck in INTEGERS.items()],
    Type("Float32", "FLOAT", float_domain, "i / 64.0", "float"),
    Type("Float64", "DOUBLE", float_domain, "i / 64.0", "float"),
    Type("Decimal(9,2)", "DECIMAL(9,2)", decimal_domain(9, 2), "i / 100.0", "decimal"),
    Type("Decimal(18,4)", "DECIMAL(18,4)", decimal_domain(18, 4), "i / 100.0", "decimal"),
    Type("Decimal(30,10)", "DECIMAL(30,10)", decimal_domain(30, 10), "i / 100.0", "decimal"),
    Type("Utf8", "VARCHAR", text_domain, "md5(i::VARCHAR)", "text"),
    Type("Date32", "DATE", date_domain, "DATE '1900-01-01' + (i % 100000)::INTEGER", "date"),
    Type("Time", "TIME", time_domain, "TIME '00:00:00' + to_microseconds(i * 1001)", "time"),
    Type("Timestamp", "TIMESTAMP", timestamp_domain,
         "TIMESTAMP '2000-01-01' + to_microseconds(i * 1000003)", "timestamp"),
    Type("List(Int32)", "INTEGER[]", list_domain(lambda _, random: ["0", "-1", "9", "10"]),
         "[i % 100, i]", "nested"),
    Type("List(Utf8)", "VARCHAR[]", list_domain(text_domain), "[md5(i::VARCHAR)]", "nested"),
    Type("Struct(a Int32, b Utf8)", "STRUCT(a INTEGER, b VARCHAR)", struct_domain,
         "{'a': i, 'b': NULL}", "nested"),
    Type("UUID", "UUID", uuid_domain, "md5(i::VARCHAR)::UUID", "uuid"),
]
BY_NAME = {t.name: t for t in TYPES}
BIGINT, DOUBLE, TEXT = BY_NAME["Int64"], BY_NAME["Float64"], BY_NAME["Utf8"]


@dataclass
class Column:
    name: str
    type: Type
    domain: list        # SQL literals, NULL among them; for literals in expressions

    @property
    def family(self):
        return self.type.family


@dataclass
class Table:
    name: str
    columns: list
    row_count: int
    sql: str            # SELECT that makes the rows, in order
    form: str           # of FORMS
    salt: int           # for what a form leaves open

    @property
    def file(self):
        return f"{self.name}.{self.form}"


FORMS = ["csv", "csv", "parquet", "parquet", "arrow", "arrow", "arrows", "json"]
ROW_COUNTS = [0, 1, 2, 7, 100, 1000, 1025, 5000, 20000]
LARGE_ROW_COUNTS = [100000, 250000]


def random_column(random, name, type_, seed, like=None):
    """(Column, SQL expression over the row number i). `like` shares another column's domain."""
    domain = list(like.domain) if like else type_.domain(type_.name, random)
    if not like and random.random() < 0.8:
        domain += ["NULL"] * random.choice((1, 1, 3))
    shape = random.choice(("uniform", "uniform", "skew", "one", "distinct", "null"))
    size = len(domain)
    pick = f"hash(i + {seed}) % {size}"
    if shape == "skew":
        pick = f"CASE WHEN hash(i + {seed + 1}) % 10 < 9 THEN {random.randrange(size)} " \
               f"ELSE {pick} END"
    elif shape == "one":
        pick = str(random.randrange(size))
    values = "[" + ", ".join(f"CAST({v} AS {type_.duck})" for v in domain) + "]"
    sql = f"{values}[1 + ({pick})::INTEGER]"
    if shape == "distinct" and type_.distinct:
        sql = f"CAST({type_.distinct} AS {type_.duck})"
    elif shape == "null" and random.random() < 0.3:
        sql = f"CAST(NULL AS {type_.duck})"
    return Column(name, type_, domain), sql


def random_table(random, name, prefix, large, like=None):
    """A table with an `id` column that is unique and random columns; `like` gives join partners."""
    rows = random.choice(LARGE_ROW_COUNTS if large else ROW_COUNTS)
    columns, parts = [Column(f"{prefix}id", BIGINT, ["0", "1", "17", "NULL"])], []
    salt = random.randrange(1 << 40)
    for n in range(random.randint(3, 7)):
        partner = random.choice(like.columns[1:]) if like and n < 3 else None
        type_ = partner.type if partner else random.choice(TYPES)
        column, sql = random_column(random, f"{prefix}{'abcdefgh'[n]}", type_, salt + 10 * n,
                                    partner)
        columns.append(column)
        parts.append(f"{sql} AS {column.name}")
    # The id is unique but not in order, so that sorting by it moves rows.
    sql = f"SELECT (i * 7919 + 13) % 1000003 AS {prefix}id, {', '.join(parts)} " \
          f"FROM range({rows}) t(i)"
    form = Random(salt).choice(FORMS)
    if form == "parquet" and any(column.family == "interval" for column in columns):
        form = "csv"  # DuckDB writes no negative intervals as Parquet
    return Table(name, columns, rows, sql, form, salt)


def as_text(column):
    """How DuckDB writes a column as weir does: nested values are JSON."""
    if column.family == "nested":
        return f"CASE WHEN {column.name} IS NOT NULL THEN to_json({column.name}) END AS {column.name}"
    return column.name


def as_json(column):
    """How a column goes into JSON without loss: DuckDB's numbers there are doubles, which have no NaN."""
    if column.family == "float":
        return f"CASE WHEN isfinite({column.name}) THEN to_json({column.name}) " \
               f"ELSE to_json({column.name}::VARCHAR) END AS {column.name}"
    if column.family == "decimal":
        return f"{column.name}::VARCHAR AS {column.name}"
    return column.name


def as_arrow(column):
    """What DuckDB's Arrow says in another type."""
    return f"unhex(replace({column.name}::VARCHAR, '-', '')) AS {column.name}" if column.type.name == "UUID" \
        else column.name


def write_arrow(connection, query, table, path):
    """A file or a stream, in any codec and record batches of any size, some texts with dictionaries."""
    draw = Random(table.salt)
    content = connection.execute(query).to_arrow_table()
    for index, column in enumerate(table.columns):
        if column.type.name == "UUID":
            uuids = pa.ExtensionArray.from_storage(
                pa.uuid(), content[column.name].combine_chunks().cast(pa.binary(16)))
            content = content.set_column(index, column.name, uuids)
        if column.type.name == "Utf8" and draw.random() < 0.5:
            content = content.set_column(index, column.name, content[column.name].dictionary_encode())
    content = content.unify_dictionaries()  # a file has one for all of its record batches
    make = pa.ipc.new_stream if table.form == "arrows" else pa.ipc.new_file
    options = pa.ipc.IpcWriteOptions(compression=draw.choice((None, "lz4", "zstd")))
    with make(path, content.schema, options=options) as writer:
        writer.write_table(content, draw.choice((100, 3000, 50_000)))


def write_table(connection, table, folder):
    """In its form, and again with its rows in another order."""
    draw = Random(table.salt)
    connection.execute(f"CREATE TABLE {table.name} AS {table.sql}")
    cells = {"csv": as_text, "json": as_json, "arrow": as_arrow, "arrows": as_arrow}.get(
        table.form, lambda column: column.name)
    options = {"csv": "HEADER, NULLSTR ''", "json": "FORMAT json",
               "parquet": f"FORMAT parquet, CODEC {draw.choice(('uncompressed', 'snappy', 'zstd', 'lz4_raw'))}, "
                          f"ROW_GROUP_SIZE {draw.choice((2048, 10_000, 100_000))}"}
    for path, order in ((folder / table.file, "rowid"), (folder / "permuted" / table.file, "hash(rowid)")):
        path.parent.mkdir(exist_ok=True)
        query = f"SELECT {', '.join(map(cells, table.columns))} FROM {table.name} ORDER BY {order}"
        if table.form in options:
            connection.execute(f"COPY ({query}) TO '{path}' ({options[table.form]})")
        else:
            write_arrow(connection, query, table, path)
