#!/usr/bin/env python3
"""Random plans against DuckDB: the same rows, at every cap and thread count, inside every cap.

test/differential/run.py [--plans N] [--seed S] [--only SEED] [--large] [--keep]

Each seed makes tables, in any format, and a plan (columns.py, plans.py), runs the pipeline at caps of 16 MB, 64 MB
and 1 GB with 1 and 2 threads, and compares rows with DuckDB's (in order if the plan ends ordered).
Two more runs permute the input rows (no plan depends on their order) and spill always. All runs
must give the same rows to the last bit and stay inside their cap. Every 8th plan has tables larger
than the smallest cap.
Deliberate differences from DuckDB stand in docs/differences.md.
"""
import argparse
import collections
import itertools
import random
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from columns import as_text, write_table  # noqa: E402
from compare import first_difference, parse_csv  # noqa: E402
from harness.paths import PROGRAM, ROOT, scratch_folder  # noqa: E402
from harness.report import Report, add_to_ledger  # noqa: E402
from harness.run import clean_environment, run  # noqa: E402
from plans import random_plan  # noqa: E402

CAPS = [16_000_000, 64_000_000, 1_000_000_000]
LARGE_EVERY = 8
TIMEOUT_S = 120


def expected_rows(connection, plan):
    """Rows of texts as DuckDB gives them."""
    casts = ", ".join(f"CAST({as_text(c).partition(' AS ' + c.name)[0]} AS VARCHAR)"
                      for c in plan.columns)
    return connection.execute(f"SELECT {casts} FROM ({plan.sql})").fetchall()


def run_weir(folder, cap, threads, source, stress=""):
    """(problem or "", raw output)"""
    out = folder / "out.csv"
    out.unlink(missing_ok=True)
    spill = folder / "spill"
    spill.mkdir(exist_ok=True)
    result = run([PROGRAM, "run", folder / "plan.yaml", "--memory-cap", cap, "--threads", threads,
                  "--spill-dir", spill, "--set", f"out={out}", "-q"], cwd=source,
                 env=clean_environment(**({"WEIR_STRESS": stress} if stress else {})),
                 timeout_s=TIMEOUT_S)
    where = f"cap {cap}, {threads} threads{', ' + stress if stress else ''}"
    if result.exit_code != 0:
        return f"{where}: {result.ending()}\n{result.errors[-1500:]}", b""
    if result.peak_bytes > cap:
        return f"{where}: peak {result.peak_bytes:,} is above the cap", b""
    return "", out.read_bytes()


def sorted_lines(data):
    """For comparing runs with each other: quoted line breaks only move pieces around alike."""
    return sorted(data.split(b"\n"))


def check_plan(plan, folder):
    """All runs of one plan; returns problems."""
    connection = duckdb.connect(config={"threads": 1})
    for table in plan.tables:
        write_table(connection, table, folder)
    (folder / "plan.yaml").write_text(plan.pipeline())
    try:
        expected = expected_rows(connection, plan)
    except duckdb.Error as error:
        return [f"DuckDB does not take the query: {error}"]
    reference, problems = None, []
    runs = [(cap, threads, folder, "") for cap in CAPS for threads in (1, 2)]
    runs.append((CAPS[1], 2, folder / "permuted", ""))
    runs.append((CAPS[0], 2, folder, "spill"))
    for cap, threads, source, stress in runs:
        problem, data = run_weir(folder, cap, threads, source, stress)
        if problem:
            problems.append(problem)
            continue
        if reference is None:
            reference = data
            header, *rows = parse_csv(data)
            names = [c.name for c in plan.columns]
            if header != names:
                problems.append(f"header {header}, expected {names}")
                break
            difference = first_difference(expected, rows, [c.family for c in plan.columns],
                                          plan.is_ordered)
            if difference:
                problems.append(f"cap {cap}, {threads} threads: {difference}")
                break
        elif data != reference and (plan.is_ordered or
                                    sorted_lines(data) != sorted_lines(reference)):
            problems.append(f"cap {cap}, {threads} threads, {source.name} {stress}: "
                            "other rows than the first run")
    return problems


def check_seed(seed, keep):
    """(title, problems, kinds of steps); in a process of its own, as Python compares the rows."""
    large = seed % LARGE_EVERY == 0
    plan = random_plan(random.Random(seed), seed, large)
    folder = scratch_folder() / f"differential-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    problems = check_plan(plan, folder)
    if problems:
        (folder / "query.sql").write_text("".join(
            f"CREATE TABLE {t.name} AS {t.sql};\n" for t in plan.tables) + plan.sql + ";\n")
        problems.append(f"kept in {folder.relative_to(ROOT)}; again: --only {seed} --keep")
    elif not keep:
        shutil.rmtree(folder)
    return f"seed {seed} ({', '.join(plan.kinds)})", problems, plan.kinds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plans", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--large", action="store_true", help="20,000 plans, noted in the ledger")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    report, kinds = Report(), collections.Counter()
    count = 20_000 if args.large else args.plans
    seeds = [args.only] if args.only is not None else range(args.seed, args.seed + count)
    with ProcessPoolExecutor(2) as pool:
        for title, problems, names in pool.map(check_seed, seeds, itertools.repeat(args.keep)):
            report.judge(title, problems)
            kinds.update(names)
    print(", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    if args.large:
        add_to_ledger("differential", f"{args.seed} to {args.seed + count - 1}", f"{count} plans x 8 runs",
                      report.failed)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
