"""Counting results. Every test program ends with the line `N passed, N failed, N skipped`."""
import datetime
import re
import subprocess
import sys
import threading

from .paths import ROOT

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


class Report:
    """Threads: safe. A failure and a skip are printed when they happen, each with its reason."""

    def __init__(self, out=sys.stdout):
        self.passed = self.failed = self.skipped = 0
        self._lock = threading.Lock()
        self._out = out

    def ok(self, count=1):
        with self._lock:
            self.passed += count

    def fail(self, name, why):
        with self._lock:
            self.failed += 1
            print(f"FAILED {name}\n    " + str(why).rstrip().replace("\n", "\n    "),
                  file=self._out, flush=True)

    def skip(self, name, reason):
        with self._lock:
            self.skipped += 1
            print(f"skipped {name}: {reason}", file=self._out, flush=True)

    def judge(self, name, problems):
        """One result: passed if `problems` is empty."""
        if problems:
            self.fail(name, "\n".join(problems))
        else:
            self.ok()

    def finish(self):
        """Print the summary; returns the exit code."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped",
              file=self._out, flush=True)
        return 1 if self.failed else 0


def read_summary(text):
    """(passed, failed, skipped) of a program's output, or None."""
    matches = SUMMARY.findall(text)
    return tuple(map(int, matches[-1])) if matches else None


def add_to_ledger(programme, seeds, amount, failures):
    """A line of docs/ledger.md: what a long run did at this commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.strip()
    with open(ROOT / "docs/ledger.md", "a", encoding="utf-8") as file:
        file.write(f"| {datetime.date.today()} | {commit} | {programme} | {seeds} | {amount} | {failures} |\n")
