"""Running weir from Python tests: a folder of its own, a cap, a few checks that always hold."""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from .execute import parse_bytes
from .paths import PROGRAM, scratch_folder
from .run import clean_environment, run

EXIT_CODES = set(range(7))


def pipeline(*steps):
    """A pipeline file's text; JSON is YAML."""
    return json.dumps({"steps": list(steps)}, indent=1)


def scan(source, **more):
    return {"op": "scan", "source": str(source), **more}


def sink(destination, **more):
    return {"op": "sink", "destination": str(destination), "format": "csv", "mode": "overwrite",
            **more}


class WeirTest(unittest.TestCase):
    """Each test gets self.folder (work) and self.spill, both empty and on disk."""

    def setUp(self):
        self.top = Path(tempfile.mkdtemp(prefix="e2e-", dir=scratch_folder()))
        self.folder, self.spill = self.top / "work", self.top / "spill"
        self.folder.mkdir()
        self.spill.mkdir()

    def tearDown(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def weir(self, *arguments, cap="32MB", env=None, expect=None, **more):
        """Run weir; asserts the cap and a documented end. `expect` is the exit code wanted."""
        extra = {"WEIR_SPILL_DIR": str(self.spill), "WEIR_MEMORY_CAP": cap, **(env or {})}
        result = run([PROGRAM, *map(str, arguments)], cwd=self.folder,
                     env=clean_environment(**extra), **more)
        if "kicks" not in more or not any(name == "KILL" for name, _ in more["kicks"]):
            self.assertFalse(result.timed_out, f"timed out\n{result.errors[-2000:]}")
            self.assertEqual(result.signal, 0, result.errors[-2000:])
            self.assertIn(result.exit_code, EXIT_CODES, result.errors[-2000:])
        self.assertLessEqual(result.peak_bytes, parse_bytes(cap), "above the cap")
        if expect is not None:
            self.assertEqual(result.exit_code, expect, result.errors[-2000:])
        return result

    def run_pipeline(self, *steps, **more):
        """Write steps to pipeline.yaml and run it, quietly."""
        self.write("pipeline.yaml", pipeline(*steps))
        return self.weir("run", "pipeline.yaml", "-q", **more)

    def files(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*")
                      if not p.is_dir())

    def assert_no_spill_left(self):
        self.assertEqual([p.name for p in self.spill.rglob("*")], [])
