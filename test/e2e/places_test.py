"""Errors of expressions name the file and the line of the row, wherever it is still on its way."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, scan, sink  # noqa: E402


class Places(WeirTest):
    def line_of(self, *steps):
        self.write("l.csv", "k,d\n1,5\n2,0\n")
        self.write("r.csv", "k,v\n1,1\n2,2\n")
        result = self.run_pipeline(*steps, sink("out.csv"), expect=3)
        self.assertIn("division by zero", result.errors)
        self.assertFalse((self.folder / "out.csv").exists())
        return result.errors

    def test_of_filters_and_maps(self):
        self.assertIn("l.csv:3", self.line_of(scan("l.csv"), {"op": "filter", "expr": "1 % d = 0"}))
        self.assertIn("l.csv:3", self.line_of(scan("l.csv"), {"op": "map",
                                                              "expressions": ["1 / d AS q"]}))

    def test_of_keys_and_arguments(self):
        self.assertIn("l.csv:3", self.line_of(scan("l.csv"), {"op": "sort", "by": ["1 % d"]}))
        self.assertIn("l.csv:3", self.line_of(scan("l.csv"), {"op": "aggregate",
                                                              "aggs": ["sum(1 % d) AS s"]}))

    def test_of_a_residual_join_condition(self):
        self.assertIn("l.csv:3", self.line_of(
            dict(scan("r.csv"), id="r"), dict(scan("l.csv"), id="l"),
            {"op": "join", "input": "l", "right": "r", "on": "l.k = r.k AND r.v % l.d = 1"}))


if __name__ == "__main__":
    unittest.main()
