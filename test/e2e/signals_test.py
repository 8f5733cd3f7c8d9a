"""Ctrl-C, SIGTERM, a closed pipe, kill -9: a clear end, nothing half-written, old outputs whole."""
import random
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.paths import PROGRAM  # noqa: E402
from harness.program import WeirTest, pipeline, scan, sink  # noqa: E402
from harness.run import clean_environment  # noqa: E402

# Runs for many seconds: sorts far more than fits.
ENDLESS = ({"op": "generate", "rows": 2_000_000_000, "columns": {"k": "random()", "i": "i"}},
           {"op": "sort", "by": ["k"]}, sink("out.csv"))
OLD = "old,content\n1,2\n"


def explosion(join, by=()):
    """A join of a million rows with a million, nearly all pairs of which match; none goes on."""
    side = {"op": "generate", "rows": 1_000_000, "columns": {"k": "i * 0", "i": "i"}}
    steps = []
    for name in "rl":
        steps += [{**side, "id": name}, {"op": "sort", "by": by, "id": f"{name}s"}][:1 + bool(by)]
    ids = {"left": "ls", "right": "rs"} if by else {"left": "l", "right": "r"}
    return (*steps, {"op": "join", **ids, **join}, {"op": "filter", "expr": "i + i_right < 0"},
            sink("out.csv"))


EXPLOSIONS = {
    "hash": explosion({"on": "k"}),
    "heavy key on disk": explosion({"on": "k", "type": "left"}),
    "nested loop": explosion({"on": "left.i + right.i >= 0"}),
    "merge": explosion({"on": "k"}, by=["k"]),
    "range": explosion({"on": "left.k <= right.k"}),
    "cross": explosion({"type": "cross"}),
}


class Signals(WeirTest):
    def test_interrupt_stops_within_a_second_and_cleans_up(self):
        for name in ("INT", "TERM"):
            self.write("out.csv", OLD)
            result = self.run_pipeline(*ENDLESS, kicks=[(name, 1.0)], timeout_s=20, expect=5)
            self.assertLess(result.wall_s, 2.2)
            self.assertEqual((self.folder / "out.csv").read_text(), OLD)
            self.assertEqual(self.files(), ["out.csv", "pipeline.yaml"])
            self.assert_no_spill_left()

    def test_interrupt_stops_inside_a_join_that_explodes(self):
        for name, steps in EXPLOSIONS.items():
            with self.subTest(name):
                result = self.run_pipeline(*steps, kicks=[("INT", 2.5)], timeout_s=20, expect=5,
                                           cap="16MB" if "disk" in name else "64MB")
                self.assertLess(result.wall_s, 3.7)
                self.assertEqual(self.files(), ["pipeline.yaml"])
                self.assert_no_spill_left()

    def test_second_interrupt_ends_at_once(self):
        result = self.run_pipeline(*ENDLESS, kicks=[("INT", 1.0), ("INT", 1.02)], timeout_s=20)
        self.assertEqual(result.exit_code, 5)
        self.assertLess(result.wall_s, 1.5)

    def test_interrupted_while_writing_a_large_output(self):
        steps = ({"op": "generate", "rows": 2_000_000_000, "columns": {"i": "i"}}, sink("out.csv"))
        self.run_pipeline(*steps, kicks=[("INT", 0.7)], timeout_s=20, expect=5)
        self.assertEqual(self.files(), ["pipeline.yaml"])

    def test_closed_pipe_is_quiet(self):
        self.write("p.yaml", pipeline({"op": "generate", "rows": 50_000_000, "columns": {"i": "i"}},
                                      {"op": "sink", "destination": "stdout", "format": "csv"}))
        with subprocess.Popen([PROGRAM, "run", "p.yaml", "-q"], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean_environment()) as process:
            first = process.stdout.readline()
            process.stdout.close()
            errors = process.stderr.read()
            process.wait(20)
        self.assertEqual(first, b"i\n")
        self.assertEqual(errors, b"")
        self.assertGreaterEqual(process.returncode, 0)

    def test_kill_9_leaves_old_outputs_and_clean_takes_the_rest(self):
        seeded = random.Random(7)
        steps = ({"op": "generate", "rows": 600_000, "columns": {"k": "random()", "i": "i"}},
                 {"op": "sort", "by": ["k"]}, sink("out.csv"))
        whole = self.run_pipeline(*steps, expect=0)
        new = (self.folder / "out.csv").read_bytes()
        for _ in range(12):
            self.write("out.csv", OLD)
            moment = seeded.uniform(0.01, whole.wall_s)
            self.run_pipeline(*steps, kicks=[("KILL", moment)], timeout_s=30)
            self.assertIn((self.folder / "out.csv").read_bytes(), (OLD.encode(), new))
            self.assert_no_spill_left()
        self.weir("clean", ".", "-q", expect=0)
        self.assertEqual(self.files(), ["out.csv", "pipeline.yaml"])

    def test_what_a_killed_run_left_goes_with_the_next_run(self):
        steps = ({"op": "generate", "rows": 2_000_000_000, "columns": {"i": "i"}}, sink("out.csv"))
        self.run_pipeline(*steps, kicks=[("KILL", 0.5)], timeout_s=20)
        self.write("in.csv", "a\n1\n")
        self.run_pipeline(scan("in.csv"), sink("out.csv"), expect=0)
        self.assertEqual(self.files(), ["in.csv", "out.csv", "pipeline.yaml"])


if __name__ == "__main__":
    unittest.main()
