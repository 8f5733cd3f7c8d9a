"""Small Parquet files of every type, encoding, codec, page version and nesting, made when asked for:
what damage tests break and fuzz targets begin with."""
import datetime
import decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 24


def cycle(values, count=ROWS):
    """The values over and over, each seventh one NULL."""
    return [None if row % 7 == 3 else values[row % len(values)] for row in range(count)]


def table(**columns):
    return pa.table({name: pa.array(cycle(values), kind) for name, (kind, values) in columns.items()})


INTEGERS = {"a": (pa.int64(), [0, 1, -1, 2 ** 63 - 1, -2 ** 63, 77]), "b": (pa.int32(), [5, 6, 7, -2 ** 31]),
            "c": (pa.uint32(), [1, 2 ** 32 - 1])}
TEXTS = {"a": (pa.string(), ["", "a", "some longer words", "é"]), "b": (pa.binary(), [b"", b"\0\xff", b"b" * 14]),
         "c": (pa.binary(3), [b"abc", b"\0\0\0"])}
FLOATS = {"a": (pa.float64(), [0.0, -0.0, 1.5, float("inf")]), "b": (pa.float32(), [0.1, -3e38]),
          "c": (pa.bool_(), [True, True, False])}
TIMES = {"a": (pa.timestamp("us"), [0, 10 ** 15]), "b": (pa.timestamp("ns", "UTC"), [1, -1]),
         "c": (pa.date32(), [datetime.date(2026, 1, 31)]), "d": (pa.time64("us"), [86399999999])}
DECIMALS = {"a": (pa.decimal128(7, 2), [decimal.Decimal("12345.67")]),
            "b": (pa.decimal128(18, 3), [decimal.Decimal(10 ** 17).scaleb(-3)]),
            "c": (pa.decimal128(38, 5), [decimal.Decimal(-7).scaleb(-5)])}
SMALL = {"a": (pa.int8(), [-128, 127]), "b": (pa.uint8(), [255]), "c": (pa.int16(), [-2 ** 15]),
         "d": (pa.uint16(), [2 ** 16 - 1]), "e": (pa.uint64(), [2 ** 64 - 1]), "f": (pa.float16(), [1.5, -0.1])}
LIST = {"a": (pa.list_(pa.int64()), [[1, 2, None], [], [3]]), "b": (pa.list_(pa.string()), [["x", "yy"], [None]])}
STRUCT = {"a": (pa.struct([("x", pa.int64()), ("y", pa.string())]), [{"x": 1, "y": "a"}, {"x": None, "y": None}]),
          "b": (pa.map_(pa.string(), pa.int32()), [[("k", 1), ("l", None)], []])}
DEEP = {"a": (pa.list_(pa.struct([("x", pa.list_(pa.list_(pa.int32()))), ("y", pa.map_(pa.int32(), pa.bool_()))])),
              [[{"x": [[1], [], None], "y": [(1, True)]}, None], [], [{"x": None, "y": []}]])}

# name: (columns, options of PyArrow's writer)
BY_PYARROW = {
    "integers": (INTEGERS, {"use_dictionary": False}),
    "dictionary": (INTEGERS, {}),
    "texts": (TEXTS, {"use_dictionary": False}),
    "text-dictionary": (TEXTS, {"dictionary_pagesize_limit": 20, "data_page_size": 40}),
    "floats": (FLOATS, {"use_dictionary": False}),
    "times": (TIMES, {}),
    "int96": (TIMES, {"use_deprecated_int96_timestamps": True, "use_dictionary": False}),
    "decimals": (DECIMALS, {"use_dictionary": False}),
    "integer-decimals": (DECIMALS, {"store_decimal_as_integer": True}),
    "small-types": (SMALL, {}),
    "list": (LIST, {}),
    "list-plain-v2": (LIST, {"use_dictionary": False, "data_page_version": "2.0"}),
    "struct-map": (STRUCT, {"data_page_version": "2.0"}),
    "deep": (DEEP, {"use_dictionary": False}),
    "delta": ({"a": INTEGERS["a"], "b": INTEGERS["b"]}, {"column_encoding": "DELTA_BINARY_PACKED"}),
    "delta-length": ({"a": TEXTS["a"], "b": TEXTS["b"]}, {"column_encoding": "DELTA_LENGTH_BYTE_ARRAY"}),
    "delta-texts": (TEXTS, {"column_encoding": "DELTA_BYTE_ARRAY", "data_page_version": "2.0"}),
    "split-bytes": ({"a": FLOATS["a"], "b": FLOATS["b"], "c": TEXTS["c"]}, {"column_encoding": "BYTE_STREAM_SPLIT"}),
    "row-groups": (INTEGERS, {"row_group_size": 7, "write_page_index": True}),
    "pages-v1": (TEXTS, {"data_page_size": 1, "write_batch_size": 4, "use_dictionary": False}),
    "pages-v2": (INTEGERS, {"data_page_size": 1, "write_batch_size": 4, "data_page_version": "2.0"}),
    **{f"{codec}-{version}": ({"a": INTEGERS["a"], "b": TEXTS["a"], "c": LIST["a"]},
                              {"compression": codec, "data_page_version": version})
       for codec in ["snappy", "gzip", "zstd", "lz4"] for version in ["1.0", "2.0"]},
}


def write_small_files(folder, checksums=True):
    """{name: path} of all files. DuckDB's have no checksums."""
    paths = {}
    for name, (columns, options) in BY_PYARROW.items():
        paths[name] = folder / f"{name}.parquet"
        if "column_encoding" in options:
            options = {**options, "use_dictionary": False}
        pq.write_table(table(**columns), paths[name],
                       **{"compression": "none", "store_schema": False, "write_page_checksum": checksums, **options})
    if not checksums:
        source = table(a=INTEGERS["a"], b=TEXTS["a"], c=LIST["a"])  # noqa: F841
        for codec, version in [("uncompressed", "v1"), ("lz4_raw", "v2"), ("zstd", "v2")]:
            name = f"duckdb-{codec}"
            paths[name] = folder / f"{name}.parquet"
            duckdb.sql(f"COPY source TO '{paths[name]}' (FORMAT parquet, CODEC '{codec}', "
                       f"PARQUET_VERSION {version})")
    return paths
