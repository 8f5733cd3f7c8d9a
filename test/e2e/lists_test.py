"""Lists far longer than memory are made, measured and taken apart again inside a small cap."""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, sink  # noqa: E402

ELEMENTS = 10**9 if os.environ.get("WEIR_TEST_LARGE") else 10**7


class Lists(WeirTest):
    def check(self, element, is_right):
        """Every element is known from its place."""
        result = self.run_pipeline(
            {"op": "generate", "rows": ELEMENTS, "columns": [f"{element} AS x"]},
            {"op": "aggregate", "aggs": ["list(x) AS l"]},
            {"op": "map", "expr": "len(l) AS n"},
            {"op": "unnest", "column": "l", "alias": "x", "index": "i"},
            {"op": "aggregate", "group_by": ["n"],
             "aggs": ["count(*) AS came", f"count_if({is_right}) AS good"]},
            sink("out.csv"), cap="16MB", expect=0, timeout_s=900)
        self.assertEqual((self.folder / "out.csv").read_text(),
                         f"n,came,good\n{ELEMENTS},{ELEMENTS},{ELEMENTS}\n", result.errors)
        self.assert_no_spill_left()

    def test_booleans(self):
        self.check("i % 3 = 0", "x = ((i - 1) % 3 = 0)")

    def test_bytes(self):
        self.check("CAST(i % 100 AS Int8)", "x = (i - 1) % 100")


if __name__ == "__main__":
    unittest.main()
