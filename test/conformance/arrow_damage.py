#!/usr/bin/env python3
"""Arrow files cut at every byte and with bits flipped: an error, or rows, and soon.

test/conformance/arrow_damage.py [--every N] [--only TEXT]

Files and streams of every type, layout and codec, written by PyArrow. What reads them is the reader itself in
one process (ar_damage_test), which says what came of each file.
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
from harness.arrow_files import write_small_files  # noqa: E402
from harness.paths import PROGRAM, scratch_folder  # noqa: E402
from harness.report import Report  # noqa: E402

DAMAGE = PROGRAM.resolve().parent / "plugins/format/arrow/ar_damage_test"


def check(report, name, path, *options):
    done = subprocess.run([DAMAGE, *options, path], capture_output=True, text=True, check=False)
    report.judge(name, [done.stdout + done.stderr] if done.returncode or "runtime error" in done.stderr else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=15, help="flip each N-th bit only")
    parser.add_argument("--only", default="", help="files whose name has this text")
    parser.add_argument("--large", action="store_true", help="every bit")
    args = parser.parse_args()
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="arrow-damage-", dir=scratch_folder()))
    with ThreadPoolExecutor(2) as pool:
        for name, path in write_small_files(folder).items():
            if args.only in name:
                pool.submit(check, report, name, path, f"-every={1 if args.large else args.every}",
                            *(["-stream"] if name.endswith("s") else []))
    shutil.rmtree(folder)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
