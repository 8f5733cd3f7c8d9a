"""Compressed files exchanged with the programs that users have, in the forms that these can write."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, scan, sink  # noqa: E402

# Ending, the program's ways of compressing, its way back, levels of ours to try.
CODECS = (
    ("gz", (["gzip", "-1"], ["gzip", "-9"]), ["gzip", "-d"], (1, 9)),
    ("zst", (["zstd", "-1"], ["zstd", "-19"], ["zstd", "--long=22", "--no-check"],
             ["zstd", "--content-size"]), ["zstd", "-d"], (1, 19)),
    ("lz4", (["lz4", "-1"], ["lz4", "-9"], ["lz4", "-B4", "-BD"], ["lz4", "-BX", "-B5"],
             ["lz4", "--no-frame-crc"]), ["lz4", "-d"], (1,)),
    ("bz2", (["bzip2", "-1"], ["bzip2", "-9"]), ["bzip2", "-d"], (1, 9)),
    ("xz", (["xz", "-0"], ["xz", "-6"], ["xz", "-T1", "--block-size=20000"], ["xz", "-C", "sha256"],
            ["xz", "--delta=dist=2", "--lzma2=dict=64KiB"], ["xz", "-C", "none"]), ["xz", "-d"], (1, 6)),
)
ROWS = "a,b\n" + "".join(f"{i},row {i * 7919 % 1000}\n" for i in range(20000))


def piped(command, content):
    return subprocess.run([*command, "-c"], input=content, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout


class Exchange(WeirTest):
    def check_reading(self, name, packed):
        self.write(name, packed)
        self.run_pipeline(scan(name, format="csv"), sink("out.csv", mode="overwrite"), cap="48MB",
                          expect=0)
        self.assertEqual((self.folder / "out.csv").read_text(), ROWS, name)

    def test_what_the_programs_write_is_read(self):
        for ending, ways, _, _ in CODECS:
            for way in ways:
                with self.subTest(way=way):
                    self.check_reading(f"in.csv.{ending}", piped(way, ROWS.encode()))

    def test_files_joined_are_one(self):
        for ending, ways, _, _ in CODECS:
            head, _, rest = ROWS.partition("\n")
            half = len(rest) // 2
            parts = (head + "\n" + rest[:half], rest[half:], "")
            # The largest window first: no later one may be larger.
            packed = b"".join(piped(ways[at % len(ways)], part.encode())
                              for at, part in zip((1, 0, 2), parts))
            with self.subTest(ending=ending):
                self.check_reading(f"in.csv.{ending}", packed)
                self.check_reading("told-by-content", packed)

    def test_what_we_write_the_programs_read(self):
        self.write("in.csv", ROWS)
        for ending, _, back, levels in CODECS:
            for level in levels:
                with self.subTest(ending=ending, level=level):
                    name = f"out.csv.{ending}"
                    self.run_pipeline(scan("in.csv"),
                                      sink(name, mode="overwrite",
                                           options={"compression_level": level}),
                                      cap="48MB", expect=0)
                    packed = (self.folder / name).read_bytes()
                    self.assertEqual(piped(back, packed).decode(), ROWS)
                    self.assertLess(len(packed), len(ROWS) * 2 // 3)


if __name__ == "__main__":
    unittest.main()
