"""Run a command and say what it used: exit code, time, peak resident set, swap.

All figures come from tools/caprun, a static program of less than 1 MB: a child inherits the peak of
the process it was made from, so one that Python starts itself would report Python's.
"""
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass

from .paths import CAPRUN


@dataclass
class Result:
    exit_code: int          # -1 if a signal ended it
    signal: int             # 0 if none
    timed_out: bool
    wall_s: float
    user_s: float
    system_s: float
    peak_bytes: int         # VmHWM, or the highest sum over the process tree if that is more
    swap_bytes: int
    process_count: int
    orphan_count: int       # processes that outlived the command
    stdout: bytes
    stderr: bytes

    @property
    def errors(self):
        return self.stderr.decode("utf-8", "replace")

    def ending(self):
        if self.timed_out:
            return "timed out"
        return f"signal {self.signal}" if self.signal else f"exit {self.exit_code}"


def run(argv, *, cwd=None, env=None, stdin=None, timeout_s=60, period_ms=20, smaps=False,
        kicks=(), cgroup=None, stdout=subprocess.PIPE):
    """Run `argv` to its end.

    stdin   bytes, or None for an empty one
    kicks   [("INT", 0.5), ...]: signals sent to the command, seconds after its start
    cgroup  a MemoryCgroup the command runs in
    stdout  subprocess.PIPE, or a file object
    """
    with tempfile.NamedTemporaryFile(prefix="caprun-", suffix=".json") as report:
        command = [str(CAPRUN), "-o", report.name, "-t", str(timeout_s), "-p", str(period_ms)]
        command += ["-m"] if smaps else []
        for name, seconds in kicks:
            command += ["-k", f"{name}:{seconds}"]
        for path in cgroup.entry_files() if cgroup else ():
            command += ["-c", str(path)]
        done = subprocess.run(command + ["--"] + [str(a) for a in argv], cwd=cwd, env=env,
                              input=stdin if stdin is not None else b"", stdout=stdout,
                              stderr=subprocess.PIPE, check=False)
        text = report.read()
    if not text:
        raise RuntimeError(f"caprun failed: {done.stderr.decode(errors='replace')}")
    used = json.loads(text)
    tree = used["tree_rss_bytes"] + used["tree_swap_bytes"]
    return Result(
        exit_code=used["exit"], signal=used["signal"], timed_out=used["timed_out"],
        wall_s=used["wall_s"], user_s=used["user_s"], system_s=used["system_s"],
        peak_bytes=max(used["maxrss_bytes"], used["hwm_bytes"], used["tree_smaps_bytes"], tree),
        swap_bytes=used["tree_swap_bytes"], process_count=used["processes"],
        orphan_count=used["orphans"], stdout=done.stdout or b"", stderr=done.stderr)


def clean_environment(**extra):
    """A small, fixed environment. The time zone is an odd one on purpose: it must not matter."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    for name, value in os.environ.items():
        if name.endswith("SAN_OPTIONS"):
            env[name] = value
    return {**env, "TZ": "Asia/Kathmandu", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **extra}
