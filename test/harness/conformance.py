"""What the conformance scripts have in common: their options, folders, and counting.

Every script takes --large, which test-large gives to all of them.
"""
import argparse
import shutil
import tempfile
import unittest
from pathlib import Path

from .paths import scratch_folder
from .report import Report


def leave(folder, keep):
    if keep:
        print(f"kept {folder}")
    else:
        shutil.rmtree(folder)


def run_groups(name, groups):
    """Each group(report, folder, wanted) judges its cases, those whose name is wanted; all of them, always."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cases whose name has this text")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    parser.add_argument("--large", action="store_true", help="nothing else: it is all of them already")
    args = parser.parse_args()
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch_folder()))
    for group in groups:
        group(report, folder, lambda case: args.only in case)
    leave(folder, args.keep)
    return report.finish()


def run_checks(name, runs, large_runs, checks_of):
    """checks_of(seeds) lists (name, check): check(folder), an empty folder of its own, returns why it
    failed or raises an AssertionError, or a SkipTest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, help=f"seeds ({runs}, large: {large_runs})")
    parser.add_argument("--keep", action="store_true", help="keep the files")
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    report = Report()
    count = args.runs or (large_runs if args.large else runs)
    for case, check in checks_of(range(args.seed, args.seed + count)):
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch_folder()))
        try:
            failure = check(folder)
            report.judge(case, [failure] if failure else [])
        except AssertionError as error:
            report.fail(case, error)
        except unittest.SkipTest as why:
            report.skip(case, why)
        leave(folder, args.keep)
    return report.finish()


def run_seeds(name, runs, large_runs, run_one):
    """run_one(seed, folder) as a check of run_checks."""
    return run_checks(name, runs, large_runs, lambda seeds: [
        (f"seed {seed}", lambda folder, seed=seed: run_one(seed, folder)) for seed in seeds])
