"""Text cases: running one in a folder of its own and judging what came out."""
import difflib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .case import unescape
from .paths import PROGRAM, scratch_folder
from .run import clean_environment, run

DEFAULT_CAP = "32MB"
UNPACKERS = ("gunzip", "unzstd", "unlz4", "bunzip2", "unxz")  # kinds of what is compressed: programs
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20,
         "gib": 2**30, "k": 10**3, "m": 10**6, "g": 10**9}
SANITIZER = re.compile(rb"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:)[^\n]*")


def parse_bytes(text):
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]*)", text)
    if not match or match[2].lower() not in UNITS:
        return parse_bytes(DEFAULT_CAP)  # the program refuses it; the check still needs a bound
    return int(float(match[1]) * UNITS[match[2].lower()])


def cap_of(argv, env):
    """The cap in force: the flag, else the environment."""
    for at, word in enumerate(argv):
        if word == "--memory-cap" and at + 1 < len(argv):
            return parse_bytes(argv[at + 1])
        if word.startswith("--memory-cap="):
            return parse_bytes(word.partition("=")[2])
    return parse_bytes(env["WEIR_MEMORY_CAP"])


def difference(what, expected, actual):
    lines = list(difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected",
                                      "actual", lineterm="", n=2))
    shown = "\n".join(lines[2:60]) or "they differ in line ends"
    return f"{what} differs:\n{shown}"


def compare_text(what, kind, expected, actual):
    """Problems, as a list. `actual` is bytes."""
    if kind == "any":
        return []
    if kind == "escaped":
        wanted = unescape(expected)
        return [] if wanted == actual else [f"{what} is {actual[:400]!r}, not {wanted[:400]!r}"]
    if kind in UNPACKERS:
        done = subprocess.run([kind, "-c"], input=actual, capture_output=True, check=False)
        if done.returncode != 0:
            return [f"{what}: {done.stderr.decode('utf-8', 'replace')}"]
        actual = done.stdout
    text = actual.decode("utf-8", "replace")
    if kind == "regex":
        return [f"{what} has no match for {pattern!r}:\n{text[:2000]}"
                for pattern in expected.splitlines() if not re.search(pattern, text, re.M)]
    if kind == "unordered":
        first, rest = expected.splitlines()[:1], sorted(expected.splitlines()[1:])
        expected = "".join(l + "\n" for l in first + rest)
        text = "".join(l + "\n" for l in text.splitlines()[:1] + sorted(text.splitlines()[1:]))
    elif kind not in ("", *UNPACKERS):
        return [f"unknown kind of {what}: '{kind}'"]
    return [] if expected == text else [difference(what, expected, text)]


def files_below(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


class CaseRun:
    """The folder a case runs in, and the files it may hold. Use as a context."""

    def __init__(self, case, environment=None, check_cap=True, program=PROGRAM):
        self.case, self.program, self.check_cap = case, program, check_cap
        self.environment = environment or {}
        self.known = set()

    def __enter__(self):
        self.top = Path(tempfile.mkdtemp(prefix="case-", dir=scratch_folder()))
        self.folder, self.spill = self.top / "work", self.top / "spill"
        self.folder.mkdir()
        self.spill.mkdir()
        return self

    def __exit__(self, *_):
        for path, _, _ in os.walk(self.top):
            os.chmod(path, 0o755)
        shutil.rmtree(self.top, ignore_errors=True)

    def prepare(self, step):
        for name, content in step.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.known.add(name)

    def execute(self, step, timeout_s=60):
        """(Result, cap in bytes)"""
        extra, argv = step.argv(self.program)
        env = clean_environment(WEIR_MEMORY_CAP=DEFAULT_CAP, WEIR_SPILL_DIR=str(self.spill),
                                **self.environment)
        env.update(extra)
        result = run(argv, cwd=self.folder, env=env, stdin=step.stdin, timeout_s=timeout_s)
        return result, cap_of(argv, env)

    def judge_process(self, step, result, cap):
        """What must hold for every run, whatever it was asked to do."""
        problems = []
        if result.signal or result.timed_out:
            problems.append(f"{result.ending()}\n{result.errors[-2000:]}")
        found = SANITIZER.search(result.stderr)
        if found:
            problems.append(f"{found[0].decode(errors='replace')}\n{result.errors[-4000:]}")
        if self.check_cap and step.is_capped and result.peak_bytes > cap:
            problems.append(f"peak {result.peak_bytes:,} bytes is above the cap of {cap:,}")
        if result.orphan_count:
            problems.append(f"{result.orphan_count} processes outlived the command")
        return problems

    def judge_stdout(self, step, result):
        if step.stdout is not None:
            return compare_text("stdout", *step.stdout, result.stdout)
        return [f"unexpected stdout: {result.stdout[:400]!r}"] if result.stdout else []

    def judge_files(self, step):
        problems = []
        for name, (kind, expected) in step.outputs.items():
            path = self.folder / name
            if kind == "absent":
                problems += [f"{name} exists"] if path.exists() else []
            elif not path.is_file():
                problems.append(f"{name} is missing")
            else:
                problems += compare_text(name, kind, expected, path.read_bytes())
        return problems

    def judge_errors(self, step, result):
        problems = []
        for pattern in step.stderr:
            if not re.search(pattern, result.errors, re.M):
                problems.append(f"stderr has no match for {pattern!r}:\n{result.errors[-2000:]}")
        for pattern in step.stderr_without:
            if re.search(pattern, result.errors, re.M):
                problems.append(f"stderr matches {pattern!r}:\n{result.errors[-2000:]}")
        return problems

    def left_behind(self, step):
        """Files nobody announced: temporary outputs, spill files."""
        self.known |= set(step.outputs)
        extra = files_below(self.folder) - self.known
        extra |= {f"(spill) {name}" for name in files_below(self.spill)}
        return [f"left behind: {', '.join(sorted(extra))}"] if extra else []


def run_case(case, environment=None, check_cap=True, timeout_s=60, program=PROGRAM):
    """Run all steps of a case; returns the problems found, an empty list if it passed."""
    with CaseRun(case, environment, check_cap, program) as here:
        for number, step in enumerate(case.steps, 1):
            here.prepare(step)
            result, cap = here.execute(step, timeout_s)
            problems = here.judge_process(step, result, cap)
            if result.exit_code != step.exit_code and not problems:
                problems.append(f"{result.ending()}, expected exit {step.exit_code}\n"
                                f"{result.errors[-2000:]}")
            problems += here.judge_stdout(step, result) + here.judge_files(step)
            problems += here.judge_errors(step, result) + here.left_behind(step)
            if problems:
                where = f"step {number}: " if len(case.steps) > 1 else ""
                return [where + problem for problem in problems]
    return []
