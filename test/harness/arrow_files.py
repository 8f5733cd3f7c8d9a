"""Small Arrow files and streams of every type and layout, made when asked for: what damage tests break and
fuzz targets begin with."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))
from arrow_read import layouts, write  # noqa: E402
from parquet_read import flat_table, nested_table  # noqa: E402

COLUMNS = 9  # of a file


def write_small_files(folder):
    """{name: path}; streams end with .arrows."""
    paths = {}
    codecs = ["lz4", "zstd", None]
    for kind, table in [("flat", flat_table(1, 5)), ("layouts", layouts(3, 6)), ("nested", nested_table(4, 6))]:
        for part, first in enumerate(range(0, table.num_columns, COLUMNS)):
            some = table.select(table.column_names[first:first + COLUMNS])
            codec = codecs[len(paths) // 2 % len(codecs)]
            for ending in ["arrow", "arrows"]:
                name = f"{kind}-{part}.{ending}"
                paths[name] = folder / name
                write(paths[name], some, ending == "arrows", 4, compression=codec)
    return paths
