"""The cap is a fact: plans x caps x threads, each in a memory cgroup of the same size where one can
be made; the answer never changes, and the peak resident set, swap included, stays at or below it.
"""
import contextlib
import hashlib
import itertools
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.cgroup import MemoryCgroup, Unavailable  # noqa: E402
from harness.execute import parse_bytes  # noqa: E402
from harness.program import WeirTest, pipeline, scan, sink  # noqa: E402

CAPS = ("16MB", "32MB", "64MB", "256MB")
THREADS = (1, 2, 8)
ROWS = 400_000  # about 40 MB: more than the two smaller caps hold
# Kernel memory that belongs to a process but not to its resident set: page tables, stacks, sockets.
KERNEL_BYTES = 2_000_000

GENERATE = {"op": "generate", "rows": ROWS, "seed": 3, "columns": {
    "id": "i", "k": "hash(i) % 50000", "skew": "CASE WHEN i % 10 < 9 THEN 1 ELSE i END",
    "x": "random()", "pad": "repeat('p', CAST(i % 97 AS INT)) || CAST(i AS VARCHAR)"}}
SCHEMA = [{"name": "id", "type": "Int64"}, {"name": "k", "type": "Int64"},
          {"name": "skew", "type": "Int64"}, {"name": "x", "type": "Float64"},
          {"name": "pad", "type": "Utf8"}]
TABLE = scan("in.csv", schema=SCHEMA)

PLANS = {
    "copy": [TABLE],
    "filter": [TABLE, {"op": "filter", "expr": "x < 0.5 AND pad LIKE '%7'"},
               {"op": "project", "columns": ["id", "upper(pad) AS p"]}],
    "sort": [TABLE, {"op": "sort", "by": ["pad DESC", "id"]}],
    "top": [TABLE, {"op": "sort", "by": ["x"], "limit": 50_000}],
    "few groups": [TABLE, {"op": "aggregate", "group_by": ["k % 10 AS g"],
                           "aggs": ["count(*) AS n", "sum(x) AS s", "max(pad) AS m"]},
                   {"op": "sort", "by": ["g"]}],
    "many groups": [TABLE, {"op": "aggregate", "group_by": ["pad"],
                            "aggs": ["count(*) AS n", "avg(x) AS a", "min(id) AS i"]},
                    {"op": "sort", "by": ["i"]}],
    "distinct": [TABLE, {"op": "aggregate", "group_by": ["k % 100 AS g"],
                         "aggs": ["count(DISTINCT pad) AS d"]}, {"op": "sort", "by": ["g"]}],
    "join": [{**TABLE, "id": "r"}, TABLE, {"op": "join", "right": "r", "on": ["id"]},
             {"op": "aggregate", "aggs": ["count(*) AS n", "sum(length(pad)) AS a",
                                          "sum(length(pad_right)) AS b", "sum(x_right) AS x"]}],
    "skewed join": [{**TABLE, "id": "r"}, {"op": "filter", "expr": "id < 300", "id": "few"},
                    {**TABLE, "id": "l"},
                    {"op": "join", "right": "few", "on": ["skew"], "type": "left"},
                    {"op": "aggregate", "aggs": ["count(*) AS n", "sum(id_right) AS s"]}],
}


class Contract(WeirTest):
    def digest(self):
        return hashlib.sha256((self.folder / "out.csv").read_bytes()).hexdigest()

    @contextlib.contextmanager
    def group(self, cap):
        """A memory cgroup a little larger than the cap, or None."""
        try:
            with MemoryCgroup(parse_bytes(cap) + KERNEL_BYTES) as group:
                yield group
        except Unavailable:
            yield None

    def check(self, name):
        self.run_pipeline(GENERATE, sink("in.csv"), cap="64MB", expect=0)
        steps = [*PLANS[name], sink("out.csv")]
        self.run_pipeline(*steps, cap="2GB", expect=0)
        right = self.digest()
        for cap in CAPS:
            for threads in THREADS:
                with self.subTest(cap=cap, threads=threads), self.group(cap) as group:
                    self.run_pipeline(*steps, cap=cap, env={"WEIR_THREADS": str(threads)},
                                      expect=0, cgroup=group, smaps=True, timeout_s=120)
                    self.assertEqual(self.digest(), right, "another answer under this cap")
                    self.assert_no_spill_left()

    def test_plans_pay_for_libm_if_they_take_logarithms(self):
        def least(column):
            steps = [{"op": "generate", "rows": 3, "columns": {"x": column}}, sink("out.csv")]
            self.write("plan.yaml", pipeline(*steps))
            text = self.weir("explain", "plan.yaml", "--memory", expect=0).stdout.decode()
            return float(re.search(r"least cap for this plan: ([0-9.]+) MB", text).group(1))

        self.assertGreater(least("ln(i + 1.0)"), least("sqrt(i + 1.0)") + 0.5)

    def test_a_large_cap_is_taken_only_as_far_as_a_plan_has_use_for_it(self):
        few = [{"op": "generate", "rows": 10, "columns": ["i AS k", "i AS v"], "id": "l"},
               {"op": "generate", "rows": 10, "columns": ["i AS k", "i AS w"], "id": "r"}]
        for step in ({"op": "join", "left": "l", "right": "r", "on": "k"},
                     {"op": "aggregate", "group_by": ["k"], "aggs": ["median(w) AS m"]},
                     {"op": "aggregate", "aggs": ["median(w) AS m", "count(DISTINCT w) AS d"]},
                     {"op": "sort", "by": ["w DESC"]},
                     {"op": "distinct"},
                     {"op": "window", "functions": ["lag(w) OVER (ORDER BY k) AS before"]}):
            with self.subTest(step=step["op"]):
                steps = few if step["op"] == "join" else few[1:]
                result = self.run_pipeline(*steps, step, sink("out.csv"), cap="4GB", expect=0)
                self.assertLess(result.peak_bytes, 64e6)

    def test_every_format_becomes_every_other_in_16_mb(self):
        """32 columns, half of them texts."""
        names = ("csv", "json", "parquet", "arrow")
        columns = {f"c{i}": "i" if i % 2 else "CAST(i AS VARCHAR)" for i in range(32)}
        for name in names:
            self.run_pipeline({"op": "generate", "rows": 20_000, "columns": columns},
                              sink(f"in.{name}", format=name), cap="16MB", expect=0)
        for source, target in itertools.product(names, names):
            with self.subTest(source=source, target=target):
                self.run_pipeline(scan(f"in.{source}", format=source),
                                  sink(f"out.{target}", format=target), cap="16MB", expect=0)
                self.run_pipeline(scan(f"out.{target}", format=target), sink("back.csv"),
                                  cap="16MB", expect=0)
                self.assertEqual((self.folder / "back.csv").read_bytes(),
                                 (self.folder / "in.csv").read_bytes())


for plan_name in PLANS:
    setattr(Contract, "test_" + plan_name.replace(" ", "_"),
            lambda self, name=plan_name: self.check(name))


if __name__ == "__main__":
    unittest.main()
