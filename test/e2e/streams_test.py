"""Data on standard output and nothing else there; pipes; values and headers of any size."""
import os
import pty
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.paths import PROGRAM  # noqa: E402
from harness.program import WeirTest, pipeline, scan, sink  # noqa: E402
from harness.run import clean_environment  # noqa: E402

STDOUT = {"op": "sink", "destination": "stdout", "format": "csv"}


class Streams(WeirTest):
    def shell(self, command, **environment):
        return subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False,
                              env=clean_environment() | {"WEIR": str(PROGRAM)} | environment)

    def rows_of(self, count):
        self.write("in.csv", "a,b\n" + "".join(f"{n},abcdefgh\n" for n in range(count)))

    def test_a_reader_that_leaves_ends_every_kind_of_run_quietly(self):
        self.rows_of(500_000)
        for steps in ([], [{"op": "sort", "by": ["a DESC"]}],
                      [{"op": "aggregate", "group_by": ["a"], "aggs": ["count(*) AS n"]}]):
            self.write("p.yaml", pipeline(scan("in.csv"), *steps, STDOUT))
            result = self.shell('"$WEIR" run p.yaml -q | head -1; echo "${PIPESTATUS[0]}" >&2')
            self.assertEqual(len(result.stdout.splitlines()), 1)
            self.assertEqual(result.stderr, "0\n")

    def test_a_file_beside_a_closed_pipe_is_whole(self):
        self.rows_of(200_000)
        self.write("p.yaml", pipeline(scan("in.csv"), STDOUT, sink("out.csv")))
        result = self.shell('"$WEIR" run p.yaml -q | head -1; echo "${PIPESTATUS[0]}" >&2')
        self.assertEqual(result.stderr, "0\n")
        self.assertEqual((self.folder / "out.csv").read_text(),
                         (self.folder / "in.csv").read_text())

    def test_a_pipe_named_by_the_shell(self):
        self.write("p.yaml", pipeline({"op": "scan", "source": "${PIPE}", "format": "csv"}, STDOUT))
        result = self.shell('pipe() { "$WEIR" run p.yaml -q --set "PIPE=$1"; }; '
                            'pipe <(printf "a;b\\n1;x\\n")')
        self.assertEqual((result.stdout, result.stderr), ("a,b\n1,x\n", ""))

    def test_a_pipe_in_a_folder_is_refused_before_it_is_read(self):
        os.mkfifo(self.folder / "pipe")
        self.write("p.yaml", pipeline({"op": "scan", "source": "pipe", "format": "csv"}, STDOUT))
        result = self.shell('exec 9<>pipe; "$WEIR" run p.yaml -q')
        self.assertEqual(result.returncode, 2)
        self.assertIn("read it as standard input", result.stderr)

    def test_what_weir_says_of_itself_needs_room_too(self):
        for command in ("version", "help csv", "help functions", "--help"):
            result = self.shell(f'"$WEIR" {command} > /dev/full')
            self.assertEqual(result.returncode, 6, command)
            self.assertIn("cannot write to standard output", result.stderr)

    def test_only_data_on_standard_output_and_no_colour_unless_wanted(self):
        self.rows_of(3)
        self.write("p.yaml", pipeline(scan("in.csv"), STDOUT))
        for flags in ("", "-v", "-q"):
            result = self.shell(f'"$WEIR" run p.yaml {flags}')
            self.assertEqual(result.stdout, (self.folder / "in.csv").read_text())
            self.assertEqual("3 rows in" in result.stderr, flags != "-q")
            self.assertNotIn("\x1b", result.stderr)

    def test_no_color_on_a_terminal(self):
        self.rows_of(200_000)
        self.write("p.yaml", pipeline(scan("in.csv"), {"op": "sort", "by": ["b", "a"]},
                                      sink("out.csv")))
        leader, terminal = pty.openpty()
        process = subprocess.Popen([PROGRAM, "run", "p.yaml"], cwd=self.folder, stderr=terminal,
                                   env=clean_environment() | {"NO_COLOR": "1", "TERM": "xterm"})
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        self.assertEqual(process.wait(30), 0)
        os.close(leader)
        self.assertIn(b"200,000 rows in", shown)
        self.assertNotRegex(shown, rb"\x1b\[[0-9;]*m")


class Sizes(WeirTest):
    def test_a_field_of_300_mb_with_quotes_and_newlines(self):
        with open(self.folder / "in.csv", "wb") as file:
            file.write(b'id,big\n1,"')
            for _ in range(300):
                file.write(b'x,""y""\n' * 125_000)
            file.write(b'"\n2,small\n')
        self.run_pipeline(scan("in.csv"), sink("out.csv"), cap="16MB", timeout_s=120, expect=0)
        result = subprocess.run(["cmp", "in.csv", "out.csv"], cwd=self.folder, check=False)
        self.assertEqual(result.returncode, 0)

    def test_ten_thousand_columns_in_and_out(self):
        self.write("in.csv", ",".join(f"column {n}" for n in range(10_000)) + "\n" +
                   (",".join(str(n) for n in range(10_000)) + "\n") * 50)
        self.run_pipeline(scan("in.csv"), sink("out.csv"), cap="256MB", expect=0)
        self.assertEqual((self.folder / "out.csv").read_text(),
                         (self.folder / "in.csv").read_text())


if __name__ == "__main__":
    unittest.main()
