"""Corrupt input: every truncation and every flipped bit of small files, and compressed bombs.

Each run must end with a documented exit code, soon, and without half an output. Compressed files
carry checksums: there it is an error or exactly the right rows.
"""
import gzip
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.paths import PROGRAM  # noqa: E402
from harness.program import WeirTest, pipeline, scan, sink  # noqa: E402
from harness.run import clean_environment  # noqa: E402

CSV = b'id,name,v\n1,"a, b",1.5\n2,"say ""hi""",\n3,\xc3\xa4,2e3\n'
JSON = b'{"id":1,"name":"a\\n\xc3\xa4","v":1.5}\n{"id":2,"name":null,"v":-2}\n'
ARRAY = b'[\n {"id":1,"s":{"a":[1,"]"]},\n  "t":"\\"["},\n {"id":2,"s":null}\n]\n'
PIPELINE = b"""steps:
- {op: scan, source: in.csv, options: {delimiter: ","}}
- op: filter
  expr: id > 1 AND name <> 'x'
- sort: ["v DESC"]
- {op: sink, destination: out.csv, mode: overwrite}
"""
GIGABYTE = 1_000_000_000
SECONDS_MAX = 5


def zstd_of_zeros(byte_count):
    """A frame of RLE blocks: a window of 128 KB, no size, no checksum."""
    block_bytes = 128 * 1024
    count, rest = divmod(byte_count, block_bytes)
    blocks = (block_bytes << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return (b"\x28\xb5\x2f\xfd\x00\x38" + blocks * count +
            (rest << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0")


def cuts(content):
    return [content[:length] for length in range(len(content))]


def flips(content, every=1):
    """The content with one bit flipped, for each bit; of them each `every`-th."""
    return [content[:bit // 8] + bytes([content[bit // 8] ^ (1 << bit % 8)]) +
            content[bit // 8 + 1:] for bit in range(0, 8 * len(content), every)]


class Corrupt(WeirTest):
    def setUp(self):
        super().setUp()
        self.environment = clean_environment(WEIR_MEMORY_CAP="16MB",
                                             WEIR_SPILL_DIR=str(self.spill))

    def outcome(self):
        """Run the pipeline: (exit code, the output's bytes or None, messages)."""
        done = subprocess.run([PROGRAM, "run", "pipeline.yaml", "-q"], cwd=self.folder,
                              env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS_MAX, check=False)
        out = self.folder / "out.csv"
        content = out.read_bytes() if out.exists() else None
        out.unlink(missing_ok=True)
        return done.returncode, content, done.stderr.decode(errors="replace")

    def check(self, name, variant, codes):
        """Write one variant of a file and run; what must hold whatever is in the file."""
        self.write(name, variant)
        with self.subTest(file=name, variant=variant):
            code, out, errors = self.outcome()
            self.assertIn(code, (0, *codes), errors)
            self.assertEqual(errors != "", code != 0, errors)
            return code, out, errors
        return None, None, ""

    def check_data(self, name, variants, right=None):
        """As check for a file that is scanned. `right`: the only output there may be."""
        self.write("pipeline.yaml", pipeline(scan(name), sink("out.csv")))
        for variant in variants:
            code, out, errors = self.check(name, variant, (2, 3, 4) if name.endswith((".zst", ".xz"))
                                          else (2, 3))
            with self.subTest(file=name, variant=variant):
                self.assertEqual(out is not None, code == 0, errors)
                if code:
                    self.assertIn(name, errors)
                    if code == 4:  # the flipped head asks for a larger window
                        self.assertRegex(errors, r"a window of .* takes .*: raise the memory cap")
                elif right is not None:
                    self.assertEqual(out, right)

    def right_output(self, name, content):
        self.write("pipeline.yaml", pipeline(scan(name), sink("out.csv")))
        code, out, errors = self.check(name, content, ())
        self.assertEqual(code, 0, errors)
        return out

    def check_compressed(self, name, content, packed):
        """All truncations are errors; a flipped bit may only be where nobody looks."""
        right = self.right_output(name, packed)
        self.assertEqual(right, self.right_output(name.rpartition(".")[0], content))
        self.check_data(name, [packed[:length] for length in range(1, len(packed))], right=b"")
        self.check_data(name, flips(packed), right)

    def test_csv(self):
        self.check_data("in.csv", cuts(CSV) + flips(CSV))

    def test_json(self):
        self.check_data("in.json", cuts(JSON) + flips(JSON))

    def test_json_array(self):
        self.check_data("in.json", flips(ARRAY, 3))
        for variant in cuts(ARRAY):
            code, _, errors = self.check("in.json", variant, (3,))
            self.assertEqual(code == 0, variant.endswith(b"\n]"), errors)

    def test_gzip(self):
        self.check_compressed("in.csv.gz", CSV, gzip.compress(CSV, mtime=0))
        self.check_compressed("in.json.gz", JSON, gzip.compress(JSON, mtime=0))

    def test_zstd(self):
        for name, content in (("in.csv", CSV), ("in.json", JSON)):
            self.write(name, content)
            self.run_pipeline(scan(name), sink(f"{name}.zst", format=name[3:]), expect=0)
            packed = (self.folder / f"{name}.zst").read_bytes()
            self.check_compressed(f"{name}.zst", content, packed)

    def test_lz4_bz2_xz(self):
        for program, ending in (("lz4", "lz4"), ("bzip2", "bz2"), ("xz", "xz")):
            level = ["-0"] if program == "xz" else ["-1"]
            packed = subprocess.run([program, *level, "-c"], input=CSV, stdout=subprocess.PIPE,
                                    check=True).stdout
            self.check_compressed(f"in.csv.{ending}", CSV, packed)

    def test_parquet(self):
        """Some of many: all of them are read in one process by test/conformance/parquet_damage.py."""
        self.write("in.json", JSON)
        self.run_pipeline(scan("in.json"), sink("in.parquet", format="parquet"), expect=0)
        content = (self.folder / "in.parquet").read_bytes()
        self.assertEqual(self.right_output("in.parquet", content), self.right_output("in.json", JSON))
        self.check_data("in.parquet", cuts(content)[1::9], right=b"")
        self.check_data("in.parquet", flips(content, every=37))

    def test_pipeline_file(self):
        """Other names, other expressions: nearly any end is right, but for crashes."""
        self.write("in.csv", CSV)
        for variant in cuts(PIPELINE) + flips(PIPELINE, every=3):
            code, out, errors = self.check("pipeline.yaml", variant, (2, 3, 4, 6))
            for path in self.folder.iterdir():
                if path.name not in ("in.csv", "pipeline.yaml"):
                    self.assertEqual(code, 0, (path, errors))
                    path.unlink()  # a sink of another name


class Bombs(WeirTest):
    """A gigabyte of zeros from a file of a megabyte or less, inside 16 MB."""

    def check_bomb(self, name):
        for steps in ([scan(name, format="csv")],
                      [scan(name, format="json")],
                      [scan(name, format="csv", schema=[{"name": "a", "type": "Utf8"}],
                            options={"header": False}),
                       {"op": "aggregate", "aggs": ["count(*) AS n", "max(length(a)) AS most"]}]):
            with self.subTest(file=name, steps=steps):
                result = self.run_pipeline(*steps, sink("out.csv"), cap="16MB", timeout_s=60)
                self.assertIn(result.exit_code, (0, 3, 4), result.errors)
                if result.exit_code:
                    self.assertIn(name, result.errors)
                self.assertEqual((self.folder / "out.csv").exists(), result.exit_code == 0)
                (self.folder / "out.csv").unlink(missing_ok=True)
                self.assert_no_spill_left()

    def test_gzip(self):
        zeros = bytes(10_000_000)
        with gzip.open(self.folder / "bomb.gz", "wb", 1) as file:
            for _ in range(GIGABYTE // len(zeros)):
                file.write(zeros)
        self.check_bomb("bomb.gz")

    def test_zstd(self):
        self.write("bomb.zst", zstd_of_zeros(GIGABYTE))
        self.check_bomb("bomb.zst")

    def test_lz4_bz2_xz(self):
        for program, ending in (("lz4", "lz4"), ("bzip2", "bz2"), ("xz", "xz")):
            with open(self.folder / f"bomb.{ending}", "wb") as file:
                zeros = subprocess.Popen(["head", "-c", str(GIGABYTE), "/dev/zero"],
                                         stdout=subprocess.PIPE)
                subprocess.run([program, "-1" if program != "xz" else "-0", "-c"],
                               stdin=zeros.stdout, stdout=file, check=True)
                self.assertEqual(zeros.wait(), 0)
            self.check_bomb(f"bomb.{ending}")

    def test_many_rows(self):
        line = b"1," + b"x" * 97 + b"\n"
        self.write("bomb.csv.gz", gzip.compress(b"a,b\n" + line * 2_000_000, 1))
        self.run_pipeline(scan("bomb.csv.gz"), {"op": "aggregate", "aggs": ["count(*) AS n"]},
                          sink("out.csv"), cap="16MB", expect=0)
        self.assertEqual((self.folder / "out.csv").read_text(), "n\n2000000\n")


if __name__ == "__main__":
    unittest.main()
