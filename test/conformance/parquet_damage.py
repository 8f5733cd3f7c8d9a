#!/usr/bin/env python3
"""Parquet files cut at every byte and with every bit flipped: an error, or the rows as they were.

test/conformance/parquet_damage.py [--every N] [--only TEXT]

Files of every type, encoding, codec and page version, written by PyArrow with checksums of pages, and
by DuckDB without. What reads them is the reader itself in one process (pq_damage_test), which says what
came of each file.
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness.parquet_files import write_small_files  # noqa: E402
from harness.paths import PROGRAM, scratch_folder  # noqa: E402
from harness.report import Report  # noqa: E402

DAMAGE = PROGRAM.resolve().parent / "plugins/format/parquet/pq_damage_test"


def check(report, name, path, *options):
    done = subprocess.run([DAMAGE, *options, path], capture_output=True, text=True, check=False)
    report.judge(name, [done.stdout + done.stderr] if done.returncode else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1, help="flip each N-th bit only")
    parser.add_argument("--only", default="", help="files whose name has this text")
    parser.add_argument("--large", action="store_true", help="nothing else: it is all of them already")
    args = parser.parse_args()
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="parquet-damage-", dir=scratch_folder()))
    with ThreadPoolExecutor(2) as pool:
        for checked in [True, False]:
            (folder / str(checked)).mkdir()
            for name, path in write_small_files(folder / str(checked), checked).items():
                if args.only in name and (checked or name.startswith("duckdb")):
                    pool.submit(check, report, name, path, f"-every={args.every}",
                                *([] if checked else ["-unchecked"]))
    shutil.rmtree(folder)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
