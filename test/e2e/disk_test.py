"""Disks that are full, missing, memory, or over quota: the right exit code, a clear message."""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.program import WeirTest, scan, sink  # noqa: E402

SPILLING = ({"op": "generate", "rows": 1_500_000, "columns": {"k": "random()", "i": "i"}},
            {"op": "sort", "by": ["k"]}, sink("out.csv"))


class Disks(WeirTest):
    def test_spill_quota(self):
        result = self.run_pipeline(*SPILLING, env={"WEIR_SPILL_QUOTA": "4MB"}, expect=4)
        self.assertRegex(result.errors, r"(?i)quota|spill")
        self.assertEqual(self.files(), ["pipeline.yaml"])
        self.assert_no_spill_left()

    def test_spill_folder_missing(self):
        result = self.run_pipeline(*SPILLING, env={"WEIR_SPILL_DIR": "nowhere"})
        self.assertIn(result.exit_code, (2, 6))
        self.assertIn("nowhere", result.errors)

    def test_spill_folder_in_memory_is_refused(self):
        if not os.path.ismount("/dev/shm"):
            self.skipTest("/dev/shm is not mounted")
        result = self.run_pipeline(*SPILLING, env={"WEIR_SPILL_DIR": "/dev/shm"})
        self.assertIn(result.exit_code, (2, 6))
        self.assertRegex(result.errors, "tmpfs|memory")

    def test_full_device_as_output(self):
        self.write("in.csv", "a\n" + "1\n" * 100_000)
        result = self.run_pipeline(scan("in.csv"), sink("/dev/full"))
        self.assertIn(result.exit_code, (4, 6), result.errors)
        self.assertIn("/dev/full", result.errors)

    def test_output_folder_missing(self):
        self.write("in.csv", "a\n1\n")
        result = self.run_pipeline(scan("in.csv"), sink("no/such/out.csv"), expect=6)
        self.assertIn("no/such", result.errors)

    def test_output_folder_not_writable(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        self.write("in.csv", "a\n1\n")
        (self.folder / "closed").mkdir(mode=0o555)
        self.run_pipeline(scan("in.csv"), sink("closed/out.csv"), expect=6)

    def test_existing_output_needs_a_mode(self):
        self.write("in.csv", "a\n1\n")
        self.write("out.csv", "old\n")
        result = self.run_pipeline(scan("in.csv"), sink("out.csv", mode="error"), expect=6)
        self.assertIn("out.csv", result.errors)
        self.assertEqual((self.folder / "out.csv").read_text(), "old\n")


if __name__ == "__main__":
    unittest.main()
