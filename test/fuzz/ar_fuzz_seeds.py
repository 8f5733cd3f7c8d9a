#!/usr/bin/env python3
"""What the fuzz target of the Arrow reader begins with: ar_fuzz_seeds.py FOLDER

The small files of the damage tests, each behind three bytes that say how to read it
(plugins/format/arrow/ar_fuzz.c)."""
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.arrow_files import write_small_files  # noqa: E402

HEADS = {"whole": bytes(3), "stream": b"\x08\x2a\x01", "small": b"\x02\x08\x80", "numbers": b"\x04\x01\x00",
         "nested": b"\x07\x10\x03"}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as files:
        for name, path in write_small_files(Path(files)).items():
            for way, head in HEADS.items():
                (folder / f"{name}-{way}").write_bytes(head + path.read_bytes())


if __name__ == "__main__":
    main()
