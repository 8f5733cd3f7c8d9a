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

    LISTS = ({"op": "generate", "rows": 3 * 10**6, "columns": ["i AS x"]},
             {"op": "aggregate", "aggs": ["list(nullif(x, 7)) AS l"]})

    def test_functions_that_stream(self):
        """A list of 24 MB passes through them inside 16 MB."""
        rows = {"list_sum(l)": "4499998499993", "len(l)": "3000000", "list_contains(l, 2999999)": "true",
                "list_contains(l, 7)": "false", "list_position(l, NULL)": "8", "l[2000001]": "2000000",
                "l[7:9]": '"[6,null,8]"', "l[-2:]": '"[2999998,2999999]"',
                "list_has_any(l, [-1, 2999999])": "true", "list_has_any(l, [-1])": "false",
                "list_filter(l, (x, i) -> x % 1000000 = 1 OR i = 8)": '"[1,null,1000001,2000001]"',
                "list_reduce(l, (a, x) -> greatest(a, x))": "2999999"}
        result = self.run_pipeline(
            *self.LISTS, {"op": "map", "expressions": [f"{e} AS r{i}" for i, e in enumerate(rows)]},
            {"op": "project", "columns": [f"r{i}" for i in range(len(rows))]},
            sink("out.csv"), cap="16MB", expect=0, timeout_s=120)
        self.assertEqual((self.folder / "out.csv").read_text().splitlines()[1], ",".join(rows.values()),
                         result.errors)
        self.assert_no_spill_left()

    def test_functions_that_do_not(self):
        """What needs the list in memory says so, and what to do."""
        for name in ("list_sort(l)", "list_transform(l, x -> x)", "list_distinct(l)"):
            result = self.run_pipeline(*self.LISTS, {"op": "map", "expr": f"{name} AS l"},
                                       sink("out.csv"), cap="16MB", expect=4, timeout_s=60)
            self.assertRegex(result.errors, name.split("(")[0] + ": the lists of one row(, one of [0-9]+ bytes "
                             "among them,)? do not fit")
            self.assertIn("unnest", result.errors)


if __name__ == "__main__":
    unittest.main()
