"""docs/reference.md is what the program says of itself."""
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test"))
from harness.paths import PROGRAM  # noqa: E402


class Reference(unittest.TestCase):
    def test_page_is_up_to_date(self):
        result = subprocess.run([sys.executable, ROOT / "tools/make_reference.py", "--check", PROGRAM],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_unknown_topic_is_an_error(self):
        result = subprocess.run([PROGRAM, "help", "nothing"], capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("no topic 'nothing'", result.stderr)


if __name__ == "__main__":
    unittest.main()
