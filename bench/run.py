#!/usr/bin/env python3
"""Compares weir with DuckDB, Polars and text tools: same machine, same data, same run.

bench/run.py [--scale S] [--runs N] [--only CASE,...] [--peers-only] [--data FOLDER]

Each bench/cases/*.toml is one row: data (bench/data/*.sql, those of `parquet` cases as Parquet too), pipeline, SQL (or a query that is run
over CSV and over Parquet), Polars code, shell command, targets. All contestants of a case run in
turn, N rounds of fresh processes on a warm cache, measured by tools/caprun (wall time, peak
resident set from the kernel). DuckDB runs with threads = processors
(one where it fails otherwise), a spill folder on disk, and whichever setting of row order was
faster in the first round. Answers are compared. Medians and ratios are printed as a table and go to bench/history/.
"""
import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))
from harness.execute import parse_bytes  # noqa: E402
from harness.paths import PROGRAM  # noqa: E402
from harness.run import clean_environment, run  # noqa: E402

# The program itself: .venv/bin/duckdb is a Python script around it.
DUCKDB = next(ROOT.glob(".venv/lib/python3*/site-packages/duckdb_cli/duckdb"), None)
PYTHON = ROOT / ".venv/bin/python"
WORK = ROOT / "build/bench"
THREADS = len(os.sched_getaffinity(0))
TIMEOUT_S = 1800


@dataclass
class Contestant:
    """One way to do the job; `variants` are commands of which the fastest is kept, `fallback` those
    to try if all of them fail."""
    name: str
    variants: list
    env: dict = field(default_factory=dict)
    fallback: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    cpu_seconds: list = field(default_factory=list)
    peaks: list = field(default_factory=list)
    failure: str = ""
    output: Path = None

    @property
    def median(self):
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def peak(self):
        return max(self.peaks) if self.peaks else None


# ---- Data ---------------------------------------------------------------------------------------


def header_fields(sql):
    return dict(line[3:].split(": ", 1) for line in sql.splitlines()
                if line.startswith("-- ") and ": " in line)


def data_sql(name):
    return (ROOT / f"bench/data/{name}.sql").read_text()


def make_data(name, folder, scale, formats):
    """Make bench/data/NAME.sql's file(s) for this scale in the folder, once."""
    sql = data_sql(name)
    fields = header_fields(sql)
    if "like" in fields:
        sql = data_sql(fields["like"])
    rows = int(fields["rows"]) if "fixed" in fields else max(1000, int(int(fields["rows"]) * scale))
    query = Template(sql).substitute(rows=rows)
    folder.mkdir(parents=True, exist_ok=True)
    csv_options = f"FORMAT csv, HEADER {fields.get('header', 'true')}"
    kinds = {"csv": csv_options, "json": "FORMAT json",
             "parquet": "FORMAT parquet, " + fields.get("parquet", "COMPRESSION snappy")}
    for kind in [fields.get("format", "csv"), *formats]:
        path = folder / f"{name}.{kind}"
        if path.exists():
            continue
        print(f"making {path} ({rows:,} rows)", flush=True)
        part = path.with_suffix(".part")
        script = f"SET preserve_insertion_order = true; SET memory_limit = '4GB'; " \
                 f"SET temp_directory = '{folder}/tmp'; COPY ({query}) TO '{part}' ({kinds[kind]});"
        subprocess.run([DUCKDB, "-c", script], check=True, stdout=subprocess.DEVNULL)
        part.rename(path)


def warm(paths):
    """Read the data once, so that every contestant finds it in the page cache."""
    for path in paths:
        with open(path, "rb") as file:
            while file.read(1 << 22):
                pass


# ---- Contestants --------------------------------------------------------------------------------


def duckdb_variants(case, sql, memory, threads=THREADS):
    # Without the insertion order a sorted result is written out of order, too.
    for order in ("true",) if case.get("ordered") else ("true", "false"):
        settings = f"SET threads = {threads}; SET preserve_insertion_order = {order}; " \
                   "SET temp_directory = '$tmp/duckdb'; SET enable_progress_bar = false; "
        if memory:
            settings += f"SET memory_limit = '{memory}'; "
        yield [DUCKDB, "-c", settings + sql]


def duckdb_queries(case):
    """Pairs (kind of file, SQL). In a query $NAME of a data set is what reads its file."""
    if "sql" in case:
        yield "", case["sql"]
    if "sql_parquet" in case:
        yield " parquet", case["sql_parquet"]
    if "query" in case:
        csv = parquet = f"COPY ({case['query'].strip()}) TO '$out' (HEADER)"
        for name in case["data"]:
            types = header_fields(data_sql(name))["types"]
            csv = csv.replace(f"${name}",
                              f"read_csv('$data/{name}.csv', columns = {types}) AS {name}")
            parquet = parquet.replace(f"${name}", f"'$data/{name}.parquet' AS {name}")
        yield "", csv
        yield " parquet", parquet


def weir_command(case, threads):
    if "weir" in case:
        return [PROGRAM, *case["weir"].split()]
    return [PROGRAM, "run", "$work/pipeline.yaml", "--memory-cap", case["cap"], "-q", "--threads",
            threads, "--spill-dir", "$tmp", "--set", "data=$data", "--set", "out=$out"]


def contestants(case, peers_only):
    """All of a case, weir first."""
    some = []
    if not peers_only:
        some.append(Contestant("weir", [weir_command(case, THREADS)]))
        if case.get("cpu_bound") and THREADS > 1:
            some.append(Contestant("weir 1 thread", [weir_command(case, 1)]))
    for setting in case.get("duckdb", ()):
        memory = setting.get("memory")
        name = f"duckdb {memory}" if memory else "duckdb"
        for kind, sql in duckdb_queries(case):
            # Less memory with one thread: slower, but perhaps it works.
            some.append(Contestant(
                name + kind, list(duckdb_variants(case, sql, memory)),
                fallback=list(duckdb_variants(case, sql, memory, 1)) if memory else []))
    if "polars" in case:
        some.append(Contestant("polars", [[PYTHON, "-c", "import polars as pl\n" + case["polars"]]],
                               {"POLARS_MAX_THREADS": str(THREADS), "POLARS_TEMP_DIR": "$tmp"}))
    if "shell" in case:
        some.append(Contestant(case["shell_name"],
                               [["bash", "-e", "-o", "pipefail", "-c", case["shell"]]]))
    return some


def fill(text, places):
    """$data, $out, $tmp and $work; shell variables and ${weir's own} stay as they are."""
    for name, path in places.items():
        text = text.replace(f"${name}", str(path))
    return text


def run_once(contestant, places):
    """One measured run of every variant left; keeps the fastest variant."""
    timings = []
    for variant in contestant.variants:
        shutil.rmtree(places["tmp"], ignore_errors=True)
        places["tmp"].mkdir(parents=True)
        places["out"].unlink(missing_ok=True)
        env = clean_environment(**{k: fill(v, places) for k, v in contestant.env.items()})
        result = run([fill(str(word), places) for word in variant], env=env, timeout_s=TIMEOUT_S)
        if result.exit_code == 0:
            timings.append((result.wall_s, result.user_s + result.system_s, result.peak_bytes,
                            variant))
        else:
            lines = result.errors.strip().splitlines() or [""]
            shown = next((line for line in lines if "rror" in line), lines[-1])
            contestant.failure = f"{result.ending()}: {shown[:120]}"
    if not timings and contestant.fallback:
        contestant.variants, contestant.fallback = contestant.fallback, []
        contestant.name += " (1 thread)"
        run_once(contestant, places)
    if timings:
        wall, cpu, peak, variant = min(timings, key=lambda t: t[0])
        contestant.failure = ""
        contestant.seconds.append(wall)
        contestant.cpu_seconds.append(cpu)
        contestant.peaks.append(peak)
        contestant.variants = [variant]


# ---- Answers ------------------------------------------------------------------------------------


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split(",") for line in file]


def near(a, b):
    if a == b:
        return True
    try:
        return abs(float(a) - float(b)) <= 1e-9 * max(abs(float(a)), abs(float(b)))
    except ValueError:
        return False


def same_answer(a, b):
    """Are two CSV files equal as multisets of rows, floats at 1e-9?"""
    if a.stat().st_size > 1 << 28:
        return a.stat().st_size == b.stat().st_size
    rows, others = sorted(read_rows(a)), sorted(read_rows(b))
    return len(rows) == len(others) and all(
        len(r) == len(o) and all(map(near, r, o)) for r, o in zip(rows, others))


def check_answer(case, contestant, places, reference):
    """A problem, or "". The first answer of a case becomes the reference."""
    if contestant.failure or not places["out"].exists():
        return ""
    if "check" in case:
        done = subprocess.run(["sh", "-c", fill(case["check"], places)], check=False,
                              capture_output=True, text=True)
        return done.stderr[:200] or "wrong" if done.returncode else ""
    if not reference.exists():
        shutil.copy(places["out"], reference)
        return ""
    return "" if same_answer(reference, places["out"]) else "another answer than the first"


# ---- The report ---------------------------------------------------------------------------------


def run_case(name, case, args):
    """Returns the JSON entry of the case."""
    work = WORK / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    data = (args.data or WORK) / f"data-{args.scale:g}"
    for dataset in case["data"]:
        kinds = ["parquet"] if {"sql_parquet", "query", "parquet"} & case.keys() else []
        make_data(dataset, data, args.scale, kinds)
    places = {"data": data, "out": work / "out.csv", "tmp": work / "tmp", "work": work}
    (work / "pipeline.yaml").write_text(case.get("pipeline", ""))
    warm(path for dataset in case["data"] for path in data.glob(f"{dataset}.*"))
    field_of = contestants(case, args.peers_only)
    print(f"\n{name}: {case['title']}", flush=True)
    for turn in range(min(args.runs, case.get("runs_max", args.runs))):
        for contestant in field_of:
            if turn and contestant.failure:
                continue
            run_once(contestant, places)
            if turn == 0:
                problem = check_answer(case, contestant, places, work / "reference.csv")
                contestant.failure = contestant.failure or problem
            if args.verbose and contestant.seconds:
                print(f"    {contestant.name}: {contestant.seconds[-1]:.3f} s", flush=True)
    places["out"].unlink(missing_ok=True)
    print_case(case, field_of)
    if not args.data and args.scale >= 1:
        for dataset in set(case["data"]) - args.still_needed:
            for path in data.glob(f"{dataset}.*"):
                path.unlink()
    return {"title": case["title"], "results": {
        c.name: {"failed": c.failure} if c.failure else
        {"median_s": round(c.median, 4), "cpu_s": round(statistics.median(c.cpu_seconds), 4),
         "peak_bytes": c.peak, "runs_s": [round(s, 4) for s in c.seconds]} for c in field_of}}


def print_case(case, field_of):
    weir = next((c for c in field_of if c.name == "weir" and not c.failure), None)
    print("| who | seconds | processor s | peak MB | weir takes |\n|---|---|---|---|---|")
    for c in field_of:
        if c.failure:
            print(f"| {c.name} | failed: {c.failure} | | | |")
            continue
        ratio = f"{weir.median / c.median:.2f}x" if weir and c is not weir else ""
        print(f"| {c.name} | {c.median:.3f} | {statistics.median(c.cpu_seconds):.2f} | "
              f"{c.peak / 1e6:.1f} | {ratio} |")
    if not weir:
        return
    if "cap" in case and weir.peak > parse_bytes(case["cap"]):
        print(f"ABOVE THE CAP: {weir.peak:,} > {case['cap']}")
    by_name = {c.name.removesuffix(" (1 thread)"): c for c in field_of}
    for target in case.get("target", ()):
        peer = by_name.get(target["against"])
        kind = "must" if "must" in target else "aim"
        if peer and peer.seconds:
            ratio = weir.median / peer.median
            verdict = "met" if ratio <= target[kind] else "missed"
            print(f"{kind} <= {target[kind]}x {peer.name}: {ratio:.2f}x, {verdict}")
    limits = case.get("absolute", {})
    for key, limit in limits.items():
        kind, unit = key.split("_")
        value = weir.median * 1e3 if unit == "ms" else weir.peak / 1e6
        print(f"{kind} <= {limit} {unit}: {value:.2f}, {'met' if value <= limit else 'missed'}")
    alone = by_name.get("weir 1 thread")
    if alone and alone.seconds:
        print(f"{THREADS} threads are {alone.median / weir.median:.2f} times as fast as one")


def describe_machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()
    return {"commit": commit, "date": datetime.datetime.now().isoformat(timespec="seconds"),
            "processor": model, "threads": THREADS, "kernel": platform.release(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--data", type=lambda name: Path(name).resolve(),
                        help="folder of the data, which is kept; else that of full size is removed")
    parser.add_argument("--no-history", action="store_true")
    parser.add_argument("--verbose", "-v", action="store_true")
    args = parser.parse_args()
    if not DUCKDB:
        sys.exit("bench: .venv has no duckdb; tools/setup.sh test could not get it")
    cases = {path.stem: tomllib.loads(path.read_text())
             for path in sorted((ROOT / "bench/cases").glob("*.toml"))}
    wanted = args.only.split(",") if args.only else list(cases)
    entry = {**describe_machine(), "scale": args.scale, "cases": {}}
    for number, name in enumerate(wanted):
        args.still_needed = {d for later in wanted[number + 1:] for d in cases[later]["data"]}
        entry["cases"][name] = run_case(name, cases[name], args)
    if not args.no_history:
        stamp = entry["date"].replace(":", "").replace("-", "")
        path = ROOT / f"bench/history/{stamp}-{entry['commit']}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(entry, indent=1) + "\n")
        print(f"\nwritten to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
