"""Inputs made to break a bounded engine: one key, all distinct, huge values, very many columns."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, scan, sink  # noqa: E402

ROWS = 400_000
CAP = "16MB"


def generate(**columns):
    return {"op": "generate", "rows": ROWS, "columns": columns}


class Adversary(WeirTest):
    def result(self):
        return (self.folder / "out.csv").read_text()

    def test_one_key_for_all_rows(self):
        self.run_pipeline(generate(k="'the only key'", i="i"),
                          {"op": "aggregate", "group_by": ["k"],
                           "aggs": ["count(*) AS n", "sum(i) AS s", "count(DISTINCT i) AS d"]},
                          sink("out.csv"), cap=CAP, expect=0)
        self.assertEqual(self.result(),
                         f"k,n,s,d\nthe only key,{ROWS},{ROWS * (ROWS - 1) // 2},{ROWS}\n")

    def test_all_keys_distinct(self):
        self.run_pipeline(generate(k="'key number ' || CAST(i AS VARCHAR)"),
                          {"op": "aggregate", "group_by": ["k"], "aggs": ["count(*) AS n"]},
                          {"op": "aggregate", "aggs": ["count(*) AS groups", "max(n) AS most"]},
                          sink("out.csv"), cap=CAP, expect=0)
        self.assertEqual(self.result(), f"groups,most\n{ROWS},1\n")

    def test_join_on_one_heavy_key(self):
        rows = 4000
        small = {"op": "generate", "rows": rows, "columns": {"k": "1", "v": "i"}}
        self.run_pipeline({**small, "id": "r"}, small,
                          {"op": "join", "right": "r", "on": ["k"]},
                          {"op": "aggregate", "aggs": ["count(*) AS n", "sum(v) AS s"]},
                          sink("out.csv"), cap=CAP, env={"WEIR_STRESS": "min"}, expect=0)
        self.assertEqual(self.result(), f"n,s\n{rows**2},{rows * rows * (rows - 1) // 2}\n")

    def test_a_value_larger_than_the_cap_passes_through(self):
        with open(self.folder / "in.csv", "wb") as file:
            file.write(b"id,big\n1,")
            for _ in range(100):
                file.write(b"x" * 1_000_000)
            file.write(b"\n2,small\n")
        self.run_pipeline(scan("in.csv"), sink("out.csv"), cap="32MB", timeout_s=120, expect=0)
        self.assertEqual((self.folder / "out.csv").read_bytes(),
                         (self.folder / "in.csv").read_bytes())

    def test_ten_thousand_columns(self):
        names = ",".join(f"c{n}" for n in range(10_000))
        self.write("in.csv", names + "\n" + (",".join("7" * 10_000) + "\n") * 20)
        self.run_pipeline(scan("in.csv"), {"op": "project", "columns": ["c0", "c9999"]},
                          sink("out.csv"), cap="64MB", expect=0)
        self.assertEqual(self.result(), "c0,c9999\n" + "7,7\n" * 20)

    def test_rows_wider_than_a_block_are_spilled(self):
        columns = [f"c{n}" for n in range(1500)]
        rows = [[f"{row * 7919 % 3000}"] + [f"{row}/{n} text" for n in range(1, len(columns))]
                for row in range(3000)]
        lines = [",".join(row) + "\n" for row in rows]
        self.write("in.csv", ",".join(columns) + "\n" + "".join(lines))
        head, by_key = ",".join(columns), sorted(rows, key=lambda row: int(row[0]))
        wide = [f"min({name}) AS {name}" for name in columns[1:]]
        for cap, steps in (("40MB", [{"op": "sort", "by": ["c0"]}]),
                           ("96MB", [{"op": "aggregate", "group_by": ["c0"], "aggs": wide},
                                     {"op": "sort", "by": ["c0"]}])):
            self.run_pipeline(scan("in.csv"), *steps, sink("out.csv"), cap=cap, expect=0)
            self.assertEqual(self.result(),
                             head + "\n" + "".join(",".join(row) + "\n" for row in by_key))

    def test_empty_input(self):
        self.write("in.csv", "a,b\n")
        self.run_pipeline(scan("in.csv"), {"op": "sort", "by": ["a"]}, sink("out.csv"), cap=CAP,
                          expect=0)
        self.assertEqual(self.result(), "a,b\n")

    def test_unbalanced_quote_over_much_data(self):
        self.write("in.csv", 'a,b\n1,"never closed\n' + "2,x\n" * 3_000_000)
        result = self.run_pipeline(scan("in.csv"), sink("out.csv"), cap=CAP)
        self.assertIn(result.exit_code, (0, 3))
        if result.exit_code:
            self.assertRegex(result.errors, r"in\.csv:2")

    def test_deep_json(self):
        self.write("in.json", '{"a":' * 100_000 + "1" + "}" * 100_000 + "\n")
        result = self.run_pipeline(scan("in.json"), sink("out.csv"), cap=CAP)
        self.assertIn(result.exit_code, (0, 2, 3), result.errors)


if __name__ == "__main__":
    unittest.main()
