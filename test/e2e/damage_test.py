"""Damaged input: flip every byte, cut at every length. An error or the right answer, never a crash.
"""
import gzip
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, pipeline, scan, sink  # noqa: E402

TEXT = 'id,name,v\n1,"a, b",1.5\n2,"say ""hi""",\n3,ä,2e3\n'
JSON = '{"id": 1, "name": "a", "v": 1.5}\n{"id": 2, "name": null, "v": -2}\n'


class Damage(WeirTest):
    def outcomes(self, name, variants):
        """Run over each variant of a file; [(exit code, output)]."""
        self.write("pipeline.yaml", pipeline(scan(name), sink("out.csv")))
        results = []
        for number, content in enumerate(variants):
            self.write(name, content)
            (self.folder / "out.csv").unlink(missing_ok=True)
            with self.subTest(file=name, variant=number):
                result = self.weir("run", "pipeline.yaml", "-q", timeout_s=20, period_ms=0)
                out = self.folder / "out.csv"
                self.assertEqual(out.exists(), result.exit_code == 0, result.errors)
                if result.exit_code:
                    self.assertIn(result.exit_code, (2, 3), result.errors)
                    self.assertIn(name, result.errors)
                results.append((result.exit_code, out.read_bytes() if out.exists() else None))
        return results

    def flips(self, content, mask):
        for at in range(len(content)):
            yield content[:at] + bytes([content[at] ^ mask]) + content[at + 1:]

    def test_flipped_bytes_of_text(self):
        for mask in (0x01, 0x80, 0xff):
            self.outcomes("in.csv", self.flips(TEXT.encode(), mask))
            self.outcomes("in.json", self.flips(JSON.encode(), mask))

    def test_flipped_and_cut_gzip_is_never_another_answer(self):
        whole = gzip.compress(TEXT.encode(), mtime=0)
        (code, right), = self.outcomes("in.csv.gz", [whole])
        self.assertEqual(code, 0)
        for code, out in self.outcomes("in.csv.gz", self.flips(whole, 0x10)):
            self.assertTrue(code != 0 or out == right, (code, out))
        cut = self.outcomes("in.csv.gz", [whole[:n] for n in range(1, len(whole))])
        self.assertTrue(all(code != 0 for code, _ in cut), "something cut off went unnoticed")

    def test_bombs_stay_inside_the_cap(self):
        line = b"1," + b"x" * 97 + b"\n"
        self.write("bomb.csv.gz", gzip.compress(b"a,b\n" + line * 2_000_000, 6))
        self.run_pipeline(scan("bomb.csv.gz"), {"op": "aggregate", "aggs": ["count(*) AS n"]},
                          sink("out.csv"), cap="16MB", expect=0)
        self.assertEqual((self.folder / "out.csv").read_text(), "n\n2000000\n")


if __name__ == "__main__":
    unittest.main()
