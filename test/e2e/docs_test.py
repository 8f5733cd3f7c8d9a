"""What README.md, the documents and the examples say to type works as it stands."""
import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test"))
from harness.paths import PROGRAM  # noqa: E402
from harness.program import WeirTest  # noqa: E402

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)

# What the steps in documents read, and where their result goes.
SOURCE = """steps:
- op: generate
  rows: 1000
  columns: {day: "DATE '2026-01-01' + (i % 90)::int", user_id: "i % 50", order_id: i, page: "'p' || i % 7"}
"""
SINK = "- {op: sink, destination: out.csv, format: csv}\n"


def blocks(path, kind):
    return [text for word, text in BLOCK.findall(path.read_text(encoding="utf-8")) if word == kind]


class Documents(WeirTest):
    def test_readme(self):
        rows = "path,status,method,bytes,latency_ms\n" + "".join(
            f"/p{i % 30},{500 if i % 3 else 200},{'HEAD' if i % 7 == 0 else 'GET'},{i},{i / 8}\n"
            for i in range(3000))
        self.write("access-1.csv.gz", gzip.compress(rows.encode()))
        pipeline, = blocks(ROOT / "README.md", "yaml")
        name = re.match(r"# (\S+)", pipeline)[1]
        self.write(name, pipeline)
        lines = [line for text in blocks(ROOT / "README.md", "sh") for line in text.splitlines()
                 if f" {name}" in line]
        self.assertEqual(len(lines), 4)
        for line in lines:
            words = shlex.split(line.removeprefix("/usr/bin/time -v "), comments=True)
            self.assertEqual(words[0], "weir")
            self.weir(*words[1:], expect=0)
        self.assertEqual((self.folder / "top.csv").read_text().partition("\n")[0], "path,hits,bytes,latency")

    def test_steps_in_documents(self):
        for path in sorted(ROOT.glob("docs/*.md")):
            for text in blocks(path, "yaml"):
                with self.subTest(path=path.name, text=text):
                    self.write("pipeline.yaml", SOURCE + text + SINK)
                    self.weir("run", "pipeline.yaml", "-q", expect=0)
                    (self.folder / "out.csv").unlink()

    def test_quick_start(self):
        folder = self.folder / "quickstart"
        shutil.copytree(ROOT / "examples/quickstart", folder, ignore=shutil.ignore_patterns("data", "out"))
        done = subprocess.run([folder / "run.sh", PROGRAM], capture_output=True, text=True, check=False,
                              env={**os.environ, "ROWS": "20000", "WEIR_SPILL_DIR": str(self.spill)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len((folder / "out/by_user.csv").read_text().splitlines()), 20001)
        self.assertIn("most asked for", done.stdout)


if __name__ == "__main__":
    unittest.main()
