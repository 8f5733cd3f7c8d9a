#!/usr/bin/env python3
"""The fault sweep: fail the 1st, 2nd, 3rd ... allocation, grant, open, read, write, sync, rename.

test/run_faults.py [--every] [--minutes N] [FILE or FOLDER ...]     (default: test/fault)

Each text case runs with WEIR_FAULT=<point>:<n> for growing n until the program's own count (the
stderr line "fault: <point> asked N times") says that n was not reached. Every run must end with a
documented exit code and, unless it succeeded with the right output, a message; crash nowhere; leave
no file behind (where no folder can be read any more, `weir clean` may have to remove it); and leave
each announced output either as it should be or as it was before. Without --every, n grows by a
quarter beyond 24. One injection is one result.
"""
import argparse
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness.execute import CaseRun  # noqa: E402
from harness.paths import PROGRAM, ROOT  # noqa: E402
from harness.report import Report  # noqa: E402
from harness.run import run  # noqa: E402
from run_cases import load  # noqa: E402

POINTS = ("alloc", "grant", "open", "read", "write", "sync", "rename")
EXIT_CODES = range(0, 7)
DENSE = 24


def asked_times(errors, point):
    match = re.search(rf"^fault: {point} asked (\d+) times$", errors, re.M)
    return int(match[1]) if match else None


def judge_outputs(here, step, before):
    """After a failed run every output is as it was before, or as it should be."""
    if not here.judge_files(step):
        return []
    problems = []
    for name in step.outputs:
        path = here.folder / name
        now = path.read_bytes() if path.is_file() else None
        if now != before.get(name):
            problems.append(f"{name} is neither the old nor the new one: {str(now)[:400]}")
    return problems


def cannot_list(spec):
    """No folder can be opened or read any more, so the program cannot empty one that it began."""
    return spec.endswith("+") and spec.partition(":")[0] in ("open", "read")


def inject(case, spec, timeout_s):
    """(problems, how often the point was asked or None, whether the run succeeded)"""
    point = spec.partition(":")[0]
    with CaseRun(case, {"WEIR_FAULT": spec}) as here:
        step = case.steps[0]
        here.prepare(step)
        before = dict(step.files)
        result, cap = here.execute(step, timeout_s)
        problems = here.judge_process(step, result, cap)
        if result.exit_code == step.exit_code:
            problems += here.judge_stdout(step, result) + here.judge_files(step)
        else:
            if result.exit_code not in EXIT_CODES:
                problems.append(f"{result.ending()} is not a documented exit code")
            if not re.search(r"^weir: .", result.errors, re.M):
                problems.append(f"failed without a message: {result.errors[-500:]!r}")
            problems += judge_outputs(here, step, before)
        if cannot_list(spec) and here.left_behind(step):
            run([PROGRAM, "clean", "."], cwd=here.folder)
        problems += here.left_behind(step)
        asked = asked_times(result.errors, point)
        if asked is None and result.exit_code == step.exit_code:
            problems.append(f"no line 'fault: {point} asked N times' on stderr")
        return problems, asked, result.exit_code == step.exit_code


def numbers(every):
    n = 1
    while True:
        yield n
        n += 1 if every or n < DENSE else n // 4


def sweep(case, point, how, args, report):
    """All n for one case and one point; stops after the third failure."""
    failures = 0
    for n in numbers(args.every):
        if time.monotonic() > args.deadline:
            report.skip(f"{case.title} {point}:{n}{how} and beyond", "out of time")
            return
        problems, asked, succeeded = inject(case, f"{point}:{n}{how}", args.timeout)
        report.judge(f"{case.title} with {point}:{n}{how}", problems)
        failures += bool(problems)
        if failures == 3 or (succeeded and (asked is None or asked < n)):
            return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", action="store_true", help="no gaps between the n")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--timeout", type=float, default=30)
    parser.add_argument("paths", nargs="*", default=[ROOT / "test/fault"])
    args = parser.parse_args()
    args.deadline = time.monotonic() + args.minutes * 60
    report = Report()
    jobs = [(case, point, how) for case in load(args.paths, report) for point in POINTS
            for how in ("", "+")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: sweep(*job, args, report), jobs))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
