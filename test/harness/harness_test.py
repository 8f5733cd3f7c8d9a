#!/usr/bin/env python3
"""The harness tests itself, with a stand-in for the program."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEST))
from harness.case import BadCase, read_cases, unescape  # noqa: E402
from harness.cgroup import MemoryCgroup, Unavailable  # noqa: E402
from harness.execute import run_case  # noqa: E402
from harness.report import read_summary  # noqa: E402
from harness.run import run  # noqa: E402

# A stand-in that copies in.csv to out.csv, obeys WEIR_FAULT=write:N, and publishes by rename.
STAND_IN = r'''#!/usr/bin/env python3
import os, sys
asked = 0
point, _, when = os.environ.get("WEIR_FAULT", "none:0").partition(":")
def write(path, text):
    global asked
    asked += 1
    if point == "write" and (asked == int(when.rstrip("+")) or
                             (when.endswith("+") and asked > int(when[:-1]))):
        raise OSError("no space")
    with open(path, "a", newline="") as file:
        file.write(text)
code = 0
try:
    for line in open("in.csv", newline=""):
        write("out.tmp", line)
    os.rename("out.tmp", "out.csv")
    if sys.argv[1:] == ["data"]:
        print("a\n2\n1")
except OSError as error:
    if os.path.exists("out.tmp") and not os.environ.get("LEAVE"):
        os.remove("out.tmp")
    print("weir:", error, file=sys.stderr)
    code = 6
print(f"fault: {point} asked {asked} times", file=sys.stderr)
sys.exit(code)
'''

GOOD = """# name: copies
# purpose: the stand-in works
# group: self
-- file in.csv --
a
1

-- run --
weir data
-- stdout unordered --
a
1
2
-- output out.csv --
a
1
=====
# name: second
-- file in.csv escaped --
\\xef\\xbb\\xbfa\\r\\n
1
-- output out.csv escaped --
\\xef\\xbb\\xbfa\\r\\n1
-- cap none --
"""


class Harness(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.program = Path(self.folder.name) / "weir"
        self.program.write_text(STAND_IN)
        self.program.chmod(0o755)

    def tearDown(self):
        self.folder.cleanup()

    def cases(self, text):
        path = Path(self.folder.name) / "t.case"
        path.write_text(text)
        return read_cases(path)

    def problems(self, text):
        return [p for case in self.cases(text)
                for p in run_case(case, check_cap=True, program=self.program)]

    def test_good_cases_pass(self):
        self.assertEqual([c.name for c in self.cases(GOOD)], ["copies", "second"])
        self.assertEqual(self.problems(GOOD), [])

    def test_each_difference_is_seen(self):
        for old, new, expected in (
                ("a\n1\n2\n", "a\n1\n3\n", "stdout differs"),
                ("-- output out.csv --", "-- output other.csv --", "other.csv is missing"),
                ("-- output out.csv --\na\n1\n", "", "left behind: out.csv"),
                ("weir data", "weir data --memory-cap 1MB", "above the cap"),
                ("-- output out.csv --", "-- stderr --\nabc\n-- output out.csv --", "no match"),
                ("-- output out.csv --", "-- exit 3 --\n-- output out.csv --", "expected exit 3")):
            problems = self.problems(GOOD.replace(old, new, 1))
            self.assertTrue(any(expected in p for p in problems), (expected, problems))

    def test_bad_case_files_name_the_line(self):
        for text, expected in ((GOOD.replace("stdout un", "stduot un"), ":10:"),
                               (GOOD.replace("# name: copies", ""), ":1:"), ("x\n" + GOOD, ":1:")):
            with self.assertRaisesRegex(BadCase, expected):
                self.cases(text)

    def test_escapes(self):
        self.assertEqual(unescape("a\\x00\\n\nb\\\\"), b"a\0\nb\\")

    def test_figures_are_the_commands_own(self):
        small = run(["true"])
        large = run([sys.executable, "-c", "x = bytearray(150_000_000)"])
        self.assertLess(small.peak_bytes, 4_000_000)
        self.assertGreater(large.peak_bytes, 150_000_000)
        self.assertLess(large.peak_bytes, 180_000_000)

    def test_trees_signals_and_timeouts(self):
        script = "python3 -c 'x=bytearray(90_000_000); import time; time.sleep(1.2)'"
        both = run(["sh", "-c", f"{script} & {script}; wait"], smaps=True)
        self.assertGreater(both.peak_bytes, 180_000_000)
        self.assertEqual(run(["sleep", "9"], kicks=[("TERM", 0.1)]).signal, 15)
        self.assertTrue(run(["sleep", "9"], timeout_s=0.1).timed_out)
        self.assertEqual(run(["sh", "-c", "sleep 9 & exit 4"]).orphan_count, 1)
        self.assertEqual(run(["cat"], stdin=b"abc").stdout, b"abc")

    def test_cgroup_kills_what_exceeds_it(self):
        try:
            with MemoryCgroup(60_000_000) as group:
                self.assertEqual(run(["true"], cgroup=group).exit_code, 0)
                greedy = run([sys.executable, "-c", "bytearray(150_000_000)"], cgroup=group)
                self.assertEqual(greedy.signal, 9)
        except Unavailable as reason:
            self.skipTest(str(reason))

    def sweep(self, **env):
        path = Path(self.folder.name) / "sweep.case"
        path.write_text("# name: s\n# purpose: p\n# group: g\n-- file in.csv --\na\n1\n2\n"
                        "-- file out.csv --\nold\n-- output out.csv --\na\n1\n2\n-- cap none --\n")
        done = subprocess.run(
            [sys.executable, TEST / "run_faults.py", path], capture_output=True, text=True,
            env={**os.environ, "WEIR_PROGRAM": str(self.program), **env}, check=False)
        return read_summary(done.stdout), done.stdout

    def test_the_sweep_tries_every_write_and_stops(self):
        counts, text = self.sweep()
        # 7 points, once and from there on: three times n is reached, the fourth is not.
        self.assertEqual(counts, (14 * 4, 0, 0), text)

    def test_the_sweep_sees_what_is_left_behind(self):
        self.program.write_text(STAND_IN.replace("os.remove", "(lambda x: 0)"))
        counts, text = self.sweep()
        self.assertGreater(counts[1], 0)
        self.assertIn("left behind: out.tmp", text)


if __name__ == "__main__":
    unittest.main()
