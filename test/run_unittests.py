#!/usr/bin/env python3
"""Runs Python test files (unittest), two at a time: test/run_unittests.py FILE or FOLDER ...

In folders, every *_test.py. Ends with `N passed, N failed, N skipped`.
"""
import importlib.util
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness.report import Report, read_summary  # noqa: E402


class Counting(unittest.TestResult):
    def __init__(self, file_name, report):
        super().__init__()
        self.file_name, self.report = file_name, report

    def title(self, test):
        return f"{self.file_name}: {test.id().split('.', 1)[-1]}"

    def addSuccess(self, test):
        self.report.ok()

    def addFailure(self, test, err):
        self.report.fail(self.title(test), self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.report.fail(f"{self.title(test)} {subtest}",
                             self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        self.report.skip(self.title(test), reason)


def run_file(path):
    report = Report()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    unittest.defaultTestLoader.loadTestsFromModule(module).run(Counting(path.name, report))
    return report.finish()


def run_apart(path):
    """A file in a process of its own; (output, summary)."""
    done = subprocess.run([sys.executable, __file__, "--here", str(path)], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return path, done.stdout, read_summary(done.stdout)


def main():
    if sys.argv[1:2] == ["--here"]:
        return run_file(Path(sys.argv[2]))
    report = Report()
    files = [f for p in map(Path, sys.argv[1:])
             for f in (sorted(p.rglob("*_test.py")) if p.is_dir() else [p])]
    with ThreadPoolExecutor(2) as pool:
        for path, output, summary in pool.map(run_apart, files):
            print("".join(l for l in output.splitlines(True) if l.strip() and
                          read_summary(l) is None), end="", flush=True)
            if summary is None:
                report.fail(path.name, "ended without a summary")
                continue
            report.passed += summary[0]
            report.failed += summary[1]
            report.skipped += summary[2]
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
