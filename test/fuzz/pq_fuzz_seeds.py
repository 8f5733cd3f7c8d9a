#!/usr/bin/env python3
"""What the fuzz target of the Parquet reader begins with: pq_fuzz_seeds.py FOLDER

The small files of the damage tests without checksums, each behind four bytes that say how to read it
(plugins/format/parquet/pq_fuzz.c)."""
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.parquet_files import write_small_files  # noqa: E402

HEADS = {"whole": bytes(4), "filter": b"\x08\x2a\x01\x45", "bound": b"\x02\x08\x80\x03",
         "numbers": b"\x04\x01\x00\x00", "widened": b"\x05\x10\x03\x00", "nested": b"\x07\x10\x03\x00"}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as files:
        for name, path in write_small_files(Path(files), checksums=False).items():
            for way, head in HEADS.items():
                (folder / f"{name}-{way}").write_bytes(head + path.read_bytes())


if __name__ == "__main__":
    main()
