"""Where things are. The environment may point to another build."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build/release"))
PROGRAM = Path(os.environ.get("WEIR_PROGRAM", BUILD / "weir"))
CAPRUN = Path(os.environ.get("WEIR_CAPRUN", BUILD / "tools/caprun"))
SCRATCH = ROOT / "build/scratch"


def scratch_folder():
    """The folder under which test programs make their temporary folders; on disk, not tmpfs."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH
