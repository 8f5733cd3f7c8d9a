#!/usr/bin/env python3
"""What `make test` runs: four builds, then every suite, two things at a time.

tools/run_tests.py [--only NAME,...] [--list] [--large] [--fuzz-minutes N]

Builds: GCC release; Clang with ASan, UBSan and the fuzz targets (all warnings are errors in both);
UBSan under the cap; TSan. Each suite has a budget in minutes, prints its own count and is killed at
three times its budget. The last line is `N passed, N failed, N skipped`; a skip names its reason.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))
from harness.report import read_summary  # noqa: E402

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_stack_use_after_return=1:exitcode=99",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:exitcode=99",
}
BUILDS = {  # name: (compiler, meson options, suites of unit tests; all if empty)
    "release": ("gcc", ["--buildtype=release"], []),
    "clang": ("clang", ["--buildtype=debugoptimized", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false", "-Dfuzz=true"], []),
    # It traps instead of calling a run-time library, whose memory the cap would have to hold.
    "ubsan": ("gcc", ["--buildtype=release", "-Dwerror=false", "-Db_sanitize=undefined",
                      "-Dc_args=-fsanitize-undefined-trap-on-error",
                      "-Dc_link_args=-fno-sanitize=all"], ["mem", "os"]),
    "tsan": ("gcc", ["--buildtype=debugoptimized", "-Db_sanitize=thread"],
             ["os", "mem", "spill", "exec", "session"]),
}
READ_EXPRESSIONS = {"parser_fuzz", "expr_fuzz", "pipeline_fuzz"}  # fuzz targets
PYTHON = sys.executable
ORACLES = ROOT / ".venv/bin/python"


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, triple):
        self.passed += triple[0]
        self.failed += triple[1]
        self.skipped += triple[2]

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def folder_of(build):
    return ROOT / "build" / build


def has_program(build="release"):
    return (folder_of(build) / "weir").exists()


def run_logged(command, log, env=None, seconds=None):
    """Run with output to a file; (exit code or None if it took too long, the output)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        process = subprocess.Popen([str(c) for c in command], cwd=ROOT, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, **(env or {})})
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
    return code, log.read_text(errors="replace")


# ---- Builds -------------------------------------------------------------------------------------


def unit_tests(build):
    """[(name, suite)] of the unit tests that a build is made for."""
    wanted = BUILDS[build][2]
    text = subprocess.run(["meson", "introspect", "--tests", str(folder_of(build))], check=True,
                          capture_output=True, text=True).stdout
    tests = [(test["name"], test["suite"][0].split(":")[-1]) for test in json.loads(text)]
    return [(name, suite) for name, suite in tests
            if suite in wanted or (not wanted and (suite != "house" or build == "release"))]


def make_build(build):
    """Configure and compile; True if that went well."""
    compiler, options, wanted = BUILDS[build]
    folder, log = folder_of(build), ROOT / f"build/logs/build-{build}.log"
    if not (folder / "build.ninja").exists():
        command = ["meson", "setup", folder, "-Dtests=true", *options]
    else:
        command = ["meson", "configure", folder, "-Dtests=true"]
    code, text = run_logged(command, log, {"CC": compiler})
    if code == 0:
        command = ["ninja", "-C", folder, "-j", "2", "-k", "0"]
        if wanted:
            run_logged(["ninja", "-C", folder, "build.ninja"], log)
            code, text = run_logged(["ninja", "-C", folder, "-t", "targets", "all"], log)
            known = set(re.findall(r"^(\S+): ", text, re.M))
            command += [t for t in sorted(known) if t == "weir" or
                        Path(t).name in {name for name, _ in unit_tests(build)}]
        code, text = run_logged(command, log)
    if code != 0:
        telling = re.compile(r": (fatal )?error: |^FAILED|undefined reference")
        shown = [l for l in text.splitlines() if telling.search(l)]
        print("    " + "\n    ".join(shown[:20] or text.splitlines()[-20:]))
    return code == 0


# ---- Suites: each returns (exit code or None, (passed, failed, skipped)) ------------------------


def read_unit_result(test):
    """(passed, failed, skipped) of one line of meson's JSON log; prints what failed."""
    lines = test.get("stdout", "").splitlines()
    done = sum(bool(re.match(r"ok \d+ - (?!.*# SKIP)", l)) for l in lines)
    skips = [l for l in lines if re.match(r"ok \d+ .*# SKIP", l)]
    bad = [l for l in lines if l.startswith("not ok ")]
    if test["result"] == "SKIP":
        return 0, 0, 1
    for line in skips:
        print(f"    skipped {test['name']}: {line}")
    if test["returncode"] == 0 and test["result"] == "OK":
        return done or int(not skips), 0, len(skips)
    output = test.get("stdout", "") + test.get("stderr", "")
    print(f"    FAILED {test['name']} ({test['result']})")
    print("        " + "\n        ".join(output.splitlines()[-40:]))
    return done, max(1, len(bad)), len(skips)


def run_units(build, seconds):
    tests = [name for name, _ in unit_tests(build)]
    if not tests:
        return 0, (0, 0, 0)
    log = ROOT / f"build/logs/unit-{build}.log"
    results = folder_of(build) / "meson-logs" / f"{build}.json"
    results.unlink(missing_ok=True)
    code, text = run_logged(
        ["meson", "test", "-C", folder_of(build), "--no-rebuild", "--num-processes", "2",
         "--logbase", build, *tests], log,
        {"CMOCKA_MESSAGE_OUTPUT": "TAP", **SANITIZER_ENV}, seconds)
    if not results.exists():
        print("    " + "\n    ".join(text.splitlines()[-20:]))
        return code, (0, 1, 0)
    counts = Counts()
    for line in results.read_text().splitlines():
        counts.add(read_unit_result(json.loads(line)))
    return code if code is None else 0, (counts.passed, counts.failed, counts.skipped)


def run_script(name, command, seconds, env=None):
    """A test program that prints failures and skips and ends with a summary line."""
    code, text = run_logged(command, ROOT / f"build/logs/{name}.log", env, seconds)
    lines = [l for l in text.splitlines() if read_summary(l) is None]
    for line in lines[:300]:
        print(f"    {line}")
    if len(lines) > 300:
        print(f"    ... {len(lines) - 300} lines more in build/logs/{name}.log")
    summary = read_summary(text)
    if summary is None:
        return code, (0, 1, 0)
    return code, summary if code == 0 or summary[1] else (summary[0], 1, summary[2])


def program_env(build):
    return {"WEIR_PROGRAM": str(folder_of(build) / "weir"), **SANITIZER_ENV}


def run_cases(build, seconds, *more):
    capped = [] if build in ("release", "ubsan") else ["--no-cap"]
    return run_script(f"cases-{build}", [PYTHON, "test/run_cases.py", *capped, *more], seconds,
                      program_env(build))


def run_modes(seconds):
    counts, end = Counts(), time.monotonic() + seconds
    for mode in sorted((ROOT / "test/modes").glob("*.toml")):
        code, triple = run_script(f"mode-{mode.stem}",
                                  [PYTHON, "test/run_cases.py", "--mode", mode.stem],
                                  max(1, end - time.monotonic()), program_env("release"))
        counts.add(triple)
        print(f"    mode {mode.stem}: {triple[0]} passed, {triple[1]} failed, {triple[2]} skipped")
        if code is None:
            return None, (counts.passed, counts.failed, counts.skipped)
    return 0, (counts.passed, counts.failed, counts.skipped)


def has_oracles(*modules):
    """Is there a Python with other engines?"""
    return ORACLES.exists() and subprocess.run(
        [ORACLES, "-c", "import " + ", ".join(modules or ("duckdb", "pyarrow"))], check=False,
        capture_output=True).returncode == 0


def run_differential(large, seconds):
    if not has_oracles("duckdb"):
        print("    skipped differential: no duckdb in .venv (tools/setup.sh test got none)")
        return 0, (0, 0, 1)
    return run_script("differential", [ORACLES, "test/differential/run.py",
                                       *(["--large"] if large else [])], seconds,
                      program_env("release"))


def run_conformance(large, seconds):
    """Each script exchanges files with other engines and ends with a summary line."""
    counts, end = Counts(), time.monotonic() + seconds
    scripts = sorted((ROOT / "test/conformance").glob("*.py"))
    if not has_oracles():
        print("    skipped conformance: no duckdb or pyarrow in .venv (tools/setup.sh test got none)")
        return 0, (0, 0, len(scripts))
    for script in scripts:
        code, triple = run_script(f"conformance-{script.stem}",
                                  [ORACLES, script, *(["--large"] if large else [])],
                                  max(1, end - time.monotonic()), program_env("release"))
        counts.add(triple)
        if code is None:
            return None, (counts.passed, counts.failed, counts.skipped)
    return 0, (counts.passed, counts.failed, counts.skipped)


def run_damage(large, seconds):
    """The damaged files of the conformance suite, where every wrong access is seen."""
    if not has_oracles():
        print("    skipped damage: no duckdb or pyarrow in .venv (tools/setup.sh test got none)")
        return 0, (0, 0, 1)
    counts, end = Counts(), time.monotonic() + seconds
    for name in ("parquet_damage", "arrow_damage"):
        code, triple = run_script(f"damage-{name}", [ORACLES, f"test/conformance/{name}.py", "--every",
                                                     "1" if large else "5"],
                                  max(1, end - time.monotonic()), program_env("clang"))
        counts.add(triple)
        if code is None:
            return None, (counts.passed, counts.failed, counts.skipped)
    return 0, (counts.passed, counts.failed, counts.skipped)


def write_fuzz_words(path):
    """A dictionary for the targets that read expressions: functions and the grammar's words."""
    text = (ROOT / "src/parse/keyword.def").read_text()
    words = set(re.findall(r'^X\(\w+, *"(\w+)"', text, re.M))
    for topic in ("functions", "aggregates"):
        text = subprocess.run([folder_of("release") / "weir", "help", topic], check=True,
                              capture_output=True, text=True).stdout
        words |= set(re.findall(r"^(\w+)\t", text, re.M))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)))


def write_fuzz_seeds(name):
    """The folder a target's seeds are in: of the tree, or made; None."""
    tree, made = ROOT / "test/fuzz" / name, ROOT / "build/fuzz" / name / "seeds"
    maker = ROOT / "test/fuzz" / f"{name}_seeds.py"
    if maker.exists() and has_oracles():
        subprocess.run([ORACLES, maker, made], check=True)
    return tree if tree.is_dir() else made if made.is_dir() else None


def run_fuzz(minutes):
    """All fuzz targets, two at a time, each for its share of the minutes."""
    words = ROOT / "build/fuzz/words.dict"
    write_fuzz_words(words)
    targets = sorted(p for p in folder_of("clang").rglob("*_fuzz") if p.is_file())
    share = max(5, int(minutes * 60 * min(2, len(targets)) / max(1, len(targets))) - 2)
    counts, waiting, running = Counts(), list(targets), []
    while waiting or running:
        while waiting and len(running) < 2:
            target = waiting.pop(0)
            work = ROOT / "build/fuzz" / target.name
            (work / "corpus").mkdir(parents=True, exist_ok=True)
            seeds = write_fuzz_seeds(target.name)
            command = [target, work / "corpus", *([seeds] if seeds else []),
                       *([f"-dict={words}"] if target.name in READ_EXPRESSIONS else []),
                       f"-max_total_time={share}", "-timeout=150", "-rss_limit_mb=1024",
                       "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={work}/"]
            log = open(work / "log", "wb")
            running.append((target, log, subprocess.Popen(
                [str(c) for c in command], cwd=work, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **SANITIZER_ENV})))
        for entry in list(running):
            target, log, process = entry
            if process.poll() is None:
                continue
            running.remove(entry)
            log.close()
            text = Path(log.name).read_text(errors="replace")
            ran = re.search(r"number_of_executed_units:\s*(\d+)", text)
            print(f"    {target.name}: {ran[1] if ran else '?'} inputs")
            counts.add((1, 0, 0) if process.returncode == 0 else (0, 1, 0))
            if process.returncode:
                print("    FAILED " + "\n        ".join(text.splitlines()[-40:]))
        time.sleep(0.1)
    return 0, (counts.passed, counts.failed, counts.skipped)


def suites(args):
    """[(name, minutes, build it needs, function of the seconds it may take)]"""
    large = args.large
    faults = ["--every"] if large else ["--minutes", "3"]
    program = [
        ("cases", 1, "release", lambda s: run_cases("release", s)),
        ("cases-asan", 2, "clang", lambda s: run_cases("clang", s, "--timeout", "120")),
        ("cases-ubsan", 1, "ubsan", lambda s: run_cases("ubsan", s)),
        ("cases-tsan", 2, "tsan", lambda s: run_cases("tsan", s, "--timeout", "120")),
        ("modes", 3, "release", run_modes),
        ("faults", 3, "release", lambda s: run_script(
            "faults", [PYTHON, "test/run_faults.py", *faults], s, program_env("release"))),
        ("e2e", 60 if large else 3, "release", lambda s: run_script(
            "e2e", [PYTHON, "test/run_unittests.py", "test/e2e"], s,
            {**program_env("release"), **({"WEIR_TEST_LARGE": "1"} if large else {})})),
        ("determinism", 240 if large else 2, "release", lambda s: run_script(
            "determinism", [ORACLES if ORACLES.exists() else PYTHON, "test/determinism/run.py",
                            *(["--large"] if large else [])], s, program_env("release"))),
        ("differential", 600 if large else 3, "release",
         lambda s: run_differential(large, s)),
        ("conformance", 60 if large else 2, "release", lambda s: run_conformance(large, s)),
        ("damage", 5 if large else 1, "clang", lambda s: run_damage(large, s)),
    ]
    return [
        ("harness", 1, "release", lambda s: run_script(
            "harness", [PYTHON, "test/run_unittests.py", "test/harness"], s)),
        ("unit-gcc", 2, "release", lambda s: run_units("release", s)),
        ("unit-asan", 3, "clang", lambda s: run_units("clang", s)),
        ("unit-ubsan", 1, "ubsan", lambda s: run_units("ubsan", s)),
        ("unit-tsan", 2, "tsan", lambda s: run_units("tsan", s)),
        *(program if has_program() or not folder_of("release").exists() else []),
        # Their time and what it takes to start them and read what they found before.
        ("fuzz", args.fuzz_minutes + 0.5, "clang", lambda s: run_fuzz(args.fuzz_minutes)),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="suites, comma separated")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--fuzz-minutes", type=float, default=1)
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    total, built, start = Counts(), {}, time.monotonic()
    only = [name for name in args.only.split(",") if name]

    def ensure(build):
        if build not in built:
            begin = time.monotonic()
            built[build] = make_build(build)
            print(f"build {build}: {'ok' if built[build] else 'FAILED'} "
                  f"({time.monotonic() - begin:.0f} s)")
            total.add((1, 0, 0) if built[build] else (0, 1, 0))
        return built[build]

    if not args.list and not only:
        for build in BUILDS:
            ensure(build)
    for name, minutes, build, run in suites(args):
        if args.list:
            print(f"{name}: {minutes} min")
            continue
        if only and name not in only:
            continue
        if not ensure("release") or not ensure(build):
            print(f"    skipped {name}: its build failed")
            total.add((0, 0, 1))
            continue
        begin = time.monotonic()
        print(f"{name}:")
        code, counts = run(minutes * 60 * (3 if not args.large else 100))
        took = time.monotonic() - begin
        if code is None:
            print(f"    FAILED {name}: killed after {took / 60:.1f} min, budget {minutes} min")
            counts = (counts[0], counts[1] + 1, counts[2])
        total.add(counts)
        over = f", over its budget of {minutes} min" if took > minutes * 60 else ""
        print(f"    {Counts(*counts)} ({took:.0f} s{over})")
    if args.list:
        return 0
    print(f"{(time.monotonic() - start) / 60:.1f} minutes")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
