#!/usr/bin/env python3
"""The same answer, always: rows and bytes do not depend on cap, threads, batches and spilling.

test/determinism/run.py [--runs N] [--plans N] [--seed S] [--only SEED] [--name PATTERN]
                        [--large [--slice I/N]] [--jobs N]

Every text case that `weir run` ends well, and random plans with steps that SQL leaves open
(open_steps.py), run once for reference and then under N settings of caps 16 MB, 64 MB and 4 GB x
1, 2 and 8 threads x batches of 1, 64 and 1024 rows x the stress modes. With --deterministic all
bytes must be the same, without it the rows: in any order where the case leaves it open. Settings
that give all commands of a case the same words and environment are one run.
--large: more plans, under all settings unless --runs is given, and a line in the ledger; hours, or
with --slice 3/40 the third of 40 shares of the cases and plans.
"""
import argparse
import collections
import fnmatch
import functools
import gzip
import hashlib
import json
import os
import random
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

try:
    import duckdb
except ImportError:  # it makes the tables of random plans
    duckdb = None

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "differential")]
from columns import write_table  # noqa: E402
from harness.case import read_cases  # noqa: E402
from harness.execute import UNPACKERS, CaseRun, cap_of, difference, files_below  # noqa: E402
from harness.paths import PROGRAM, ROOT, scratch_folder  # noqa: E402
from harness.report import Report, add_to_ledger  # noqa: E402
from harness.run import clean_environment, run  # noqa: E402
from open_steps import add_equal_values, add_open_steps  # noqa: E402
from plans import random_plan  # noqa: E402
from run_cases import read_mode, skip_reason  # noqa: E402
from settings import PRODUCT, REFERENCES, draw_settings  # noqa: E402

REFUSED = 4  # the cap is below the plan's certificate
TIMEOUT_S = 300
EQUAL_HASHES_ROWS = 10**4  # more take too long


# What a file of a columnar format begins with: its rows are compared as CSV.
COLUMNAR = {b"PAR1": "parquet", b"ARRO": "arrow", b"\xff\xff\xff\xff": "arrow"}


def as_csv(data, name):
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        (Path(folder) / "data").write_bytes(data)
        steps = [{"op": "scan", "source": "data", "format": name},
                 {"op": "sink", "destination": "stdout", "format": "csv"}]
        (Path(folder) / "plan.yaml").write_text(json.dumps({"steps": steps}))
        result = run([PROGRAM, "run", "plan.yaml", "-q"], cwd=folder, env=clean_environment(),
                     timeout_s=TIMEOUT_S)
        return result.stdout if result.exit_code == 0 else data


def plain(data):
    if data[:4] in COLUMNAR:
        return as_csv(data, COLUMNAR[data[:4]])
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def sorted_lines(data):
    """Rows in any order; quoted line breaks only move pieces around alike."""
    return sorted(plain(data).split(b"\n"))


@functools.lru_cache(maxsize=8)
def rows_digest(data):
    """The same for the same rows; of a reference it is asked for again and again."""
    return hashlib.sha256(b"\n".join(sorted_lines(data))).digest()


def compare(setting, references, found, has_order):
    """Problems of one run. `references`: {deterministic: {name: bytes}}; has_order(name): do its
    rows have an order without --deterministic, too?"""
    reference = references[setting.deterministic]
    if set(reference) != set(found):
        return [f"{setting}: outputs {sorted(found)}, expected {sorted(reference)}"]
    problems = []
    for name, expected in reference.items():
        actual = found[name]
        if actual == expected:
            continue
        if setting.deterministic or has_order(name):
            problems.append(difference(f"{setting}: {name}", plain(expected).decode("utf-8", "replace"),
                                       plain(actual).decode("utf-8", "replace")))
        elif rows_digest(actual) != rows_digest(expected):
            problems.append(difference(f"{setting}: rows of {name}",
                                       b"\n".join(sorted_lines(expected)).decode("utf-8", "replace"),
                                       b"\n".join(sorted_lines(actual)).decode("utf-8", "replace")))
    return problems


# ---- Text cases ---------------------------------------------------------------------------------


def is_run(step):
    return step.argv("weir")[1][:2] == ["weir", "run"]


def file_stamps(folder):
    """{name: what another content changes}"""
    stats = {name: (folder / name).lstat() for name in files_below(folder)}
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def what_reaches(case, setting):
    """What the commands of a case get of a setting: their own flags and assignments go first."""
    reached = []
    for step in case.steps:
        extra, argv = step.argv("weir")
        env = {**setting.environment(), **extra}
        flags = {word.partition("=")[0] for word in argv}
        for flag, name in (("--memory-cap", "WEIR_MEMORY_CAP"), ("--threads", "WEIR_THREADS")):
            if flag in flags:
                del env[name]
        reached.append((*sorted(env.items()), setting.deterministic and is_run(step)))
    return tuple(reached)


def execute_case(case, setting):
    """({(step, name): bytes of what was written}, "" or why it does not count)"""
    found = {}
    with CaseRun(case) as here:
        for number, step in enumerate(case.steps, 1):
            here.prepare(step)
            before = file_stamps(here.folder)
            extra, argv = step.argv(PROGRAM)
            if is_run(step) and setting.deterministic:
                argv.append("--deterministic")
            env = clean_environment(WEIR_SPILL_DIR=str(here.spill), **setting.environment())
            env.update(extra)
            result = run(argv, cwd=here.folder, env=env, stdin=step.stdin, timeout_s=TIMEOUT_S)
            if result.exit_code == REFUSED and step.exit_code != REFUSED:
                return found, "refused"
            if result.exit_code != step.exit_code or result.timed_out:
                return found, f"{setting}: {result.ending()}\n{result.errors[-1500:]}"
            if is_run(step) and result.exit_code == 0:
                found[number, "stdout"] = result.stdout
                for name, stamp in file_stamps(here.folder).items():
                    if before.get(name) != stamp:
                        found[number, name] = (here.folder / name).read_bytes()
            if step.is_capped and result.peak_bytes > cap_of(argv, env):
                return found, f"{setting}: peak {result.peak_bytes:,} is above the cap"
    return found, ""


def case_has_order(case, key):
    number, name = key
    step = case.steps[number - 1]
    kind = (step.stdout or ("",))[0] if name == "stdout" else step.outputs.get(name, ("",))[0]
    return kind in ("", "escaped", *UNPACKERS)


def find_references(execute):
    """({deterministic: outputs}, problem) of a case or plan, which `execute(setting)` runs."""
    references = {}
    for setting in REFERENCES:
        found, problem = execute(setting)
        if problem:
            return references, problem
        references[setting.deterministic] = found
    rows = [{name: rows_digest(data) for name, data in found.items()}
            for found in references.values()]
    return references, "" if rows[0] == rows[1] else "other rows with --deterministic"


def check_case(case, settings, report):
    references, problem = find_references(lambda setting: execute_case(case, setting))
    if problem or not any(is_run(step) and step.exit_code == 0 for step in case.steps):
        report.judge(case.title, [problem] if problem else [])
        return 0
    problems, runs = [], 0
    is_slow = skip_reason(case, read_mode("worst"))
    for setting in {what_reaches(case, setting): setting for setting in settings}.values():
        if "hash" in setting.stress and is_slow:
            continue
        found, problem = execute_case(case, setting)
        if problem != "refused":
            runs += 1
            problems += [problem] if problem else compare(
                setting, references, found, lambda key: case_has_order(case, key))
        if len(problems) > 3:
            break
    report.judge(case.title, problems)
    return runs


# ---- Random plans -------------------------------------------------------------------------------


def execute_plan(folder, setting):
    out = folder / f"out-{setting.cap}.csv"
    out.unlink(missing_ok=True)
    result = run([PROGRAM, "run", folder / "plan.yaml", "--spill-dir", folder / "spill", "-q",
                  "--set", f"out={out}", *(["--deterministic"] if setting.deterministic else [])],
                 cwd=folder, env=clean_environment(**setting.environment()), timeout_s=TIMEOUT_S)
    if result.exit_code == REFUSED:
        return {}, "refused"
    if result.exit_code != 0:
        return {}, f"{setting}: {result.ending()}\n{result.errors[-1500:]}"
    if result.peak_bytes > setting.cap:
        return {}, f"{setting}: peak {result.peak_bytes:,} is above the cap"
    return {"out": out.read_bytes()}, ""


def check_seed(seed, settings, args, report, kinds):
    source = random.Random(f"open {seed}")
    plan = random_plan(source, seed, args.large and seed % 16 == 0)
    add_open_steps(source, plan)
    folder = scratch_folder() / f"determinism-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "spill").mkdir(parents=True)
    connection = duckdb.connect(config={"threads": 1})
    for table in plan.tables:
        write_table(connection, table, folder)
    (folder / "plan.yaml").write_text(plan.pipeline())
    references, problem = find_references(lambda setting: execute_plan(folder, setting))
    problems, runs = [problem] if problem else [], 0
    has_order = plan.steps[-2]["op"] == "sort"
    for setting in settings if not problem else []:
        if "hash" in setting.stress and plan.row_limit > EQUAL_HASHES_ROWS:
            continue
        found, problem = execute_plan(folder, setting)
        if problem != "refused":
            runs += 1
            problems += [problem] if problem else compare(
                setting, references, found, lambda _: has_order)
        if len(problems) > 3:
            break
    kinds.update(plan.kinds)
    if problems:
        problems.append(f"kept in {folder.relative_to(ROOT)}; again: --only {seed}")
    else:
        shutil.rmtree(folder)
    report.judge(f"seed {seed} ({', '.join(plan.kinds)})", problems)
    return runs


# ---- The whole ----------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, help="settings for each case and plan (3, large: all)")
    parser.add_argument("--plans", type=int, help="random plans (60, large: 500)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this random plan, under every setting")
    parser.add_argument("--name", default="*", help="only cases whose title matches this pattern")
    parser.add_argument("--large", action="store_true", help="noted in the ledger")
    parser.add_argument("--slice", default="1/1", help="this share of all cases and plans")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    part, parts = map(int, args.slice.split("/"))
    is_whole = args.large or args.only is not None
    count = args.runs or (len(PRODUCT) if is_whole else 3)
    add_equal_values()
    report, kinds = Report(), collections.Counter()
    plan_count = args.plans or (500 if args.large else 60)
    cases, seeds = [], range(args.seed, args.seed + plan_count)
    if not duckdb:
        report.skip("random plans", "no duckdb in .venv (tools/setup.sh test got none)")
        seeds = []
    if args.only is None:
        cases = [case for path in sorted((ROOT / "test/yaml").rglob("*.case"))
                 for case in read_cases(path, os.path.relpath(path, ROOT))
                 if fnmatch.fnmatch(case.title, args.name)]
    else:
        seeds = [args.only]
    cases, seeds = cases[part - 1::parts], seeds[part - 1::parts]

    def settings_for(name):
        return PRODUCT if count >= len(PRODUCT) else \
            draw_settings(random.Random(f"{args.seed} {name}"), count)

    with ThreadPoolExecutor(args.jobs) as pool:
        runs = sum(pool.map(
            lambda case: check_case(case, settings_for(case.title), report), cases))
        runs += sum(pool.map(
            lambda seed: check_seed(seed, settings_for(str(seed)), args, report, kinds), seeds))
    print(", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    print(f"{len(cases)} cases and {len(seeds)} plans, {runs} runs compared")
    if args.large:
        add_to_ledger(f"determinism, slice {args.slice}", f"{args.seed} to {args.seed + plan_count - 1}",
                      f"{len(cases)} cases and {len(seeds)} plans x {count} of {len(PRODUCT)} settings, {runs} runs",
                      report.failed)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
