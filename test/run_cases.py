#!/usr/bin/env python3
"""Runs text cases: test/run_cases.py [--mode NAME] [--no-cap] [FILE or FOLDER ...]

Without paths, every test/yaml/**/*.case. A mode (test/modes/NAME.toml) sets an environment and
names the cases it skips, each with its reason. Ends with `N passed, N failed, N skipped`.
"""
import argparse
import fnmatch
import os
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness.case import BadCase, read_cases  # noqa: E402
from harness.execute import run_case  # noqa: E402
from harness.paths import ROOT  # noqa: E402
from harness.report import Report  # noqa: E402


def find_files(paths):
    for path in map(Path, paths):
        yield from sorted(path.rglob("*.case")) if path.is_dir() else [path]


def load(paths, report):
    """All cases; a file that cannot be read counts as one failure."""
    cases = []
    for path in find_files(paths):
        try:
            cases += read_cases(path, os.path.relpath(path, ROOT))
        except BadCase as error:
            report.fail(path.name, error)
    return cases


def read_mode(name):
    with open(ROOT / f"test/modes/{name}.toml", "rb") as file:
        mode = tomllib.load(file)
    unknown = set(mode) - {"description", "environment", "skip"}
    if unknown or "description" not in mode:
        sys.exit(f"test/modes/{name}.toml: needs a description; unknown keys: {unknown or 'none'}")
    return mode


def skip_reason(case, mode):
    for skip in mode.get("skip", ()):
        if fnmatch.fnmatch(case.title, skip["case"]) or fnmatch.fnmatch(case.group, skip["case"]):
            return skip["reason"]
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode")
    parser.add_argument("--no-cap", action="store_true", help="sanitizer builds: no cap assertion")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--name", default="*", help="only cases whose name matches this pattern")
    parser.add_argument("paths", nargs="*", default=[ROOT / "test/yaml"])
    args = parser.parse_args()
    report = Report()
    mode = read_mode(args.mode) if args.mode else {}

    def work(case):
        reason = skip_reason(case, mode)
        if args.no_cap and any(step.needs_release for step in case.steps):
            reason = "a sanitizer's own memory is beyond its cap"
        if reason:
            report.skip(case.title, reason)
            return
        report.judge(case.title, run_case(case, mode.get("environment"), not args.no_cap,
                                          args.timeout))

    cases = [c for c in load(args.paths, report) if fnmatch.fnmatch(c.name, args.name)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, cases))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
