"""A memory cgroup (v1 or v2) as a second judge: it kills what the first one let pass."""
import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class Unavailable(Exception):
    """No cgroup can be made here; the text says why."""


class MemoryCgroup:
    """with MemoryCgroup(16_000_000) as group: run(..., cgroup=group)"""

    _count = 0

    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes
        self.is_v2 = False
        self.folder = None

    def __enter__(self):
        v1, v2 = ROOT / "memory", ROOT / "cgroup.controllers"
        MemoryCgroup._count += 1
        name = f"weir-test-{os.getpid()}-{MemoryCgroup._count}"
        if (v1 / "memory.limit_in_bytes").exists():
            self.folder = v1 / name
            settings = {"memory.limit_in_bytes": self.limit_bytes,
                        "memory.memsw.limit_in_bytes": self.limit_bytes, "memory.swappiness": 0}
        elif v2.exists() and "memory" in (ROOT / "cgroup.subtree_control").read_text():
            self.is_v2 = True
            self.folder = ROOT / name
            settings = {"memory.max": self.limit_bytes, "memory.swap.max": 0}
        else:
            raise Unavailable("no memory controller is delegated to us")
        try:
            self.folder.mkdir()
            for file, value in settings.items():
                if (self.folder / file).exists():
                    (self.folder / file).write_text(str(value))
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"cannot make {self.folder}: {error.strerror}") from error
        return self

    def entry_files(self):
        return [self.folder / "cgroup.procs"]

    def peak_bytes(self):
        """Highest charge: page cache and page tables of the kernel included."""
        name = "memory.peak" if self.is_v2 else "memory.max_usage_in_bytes"
        return int((self.folder / name).read_text())

    def __exit__(self, *_):
        try:
            self.folder.rmdir()
        except OSError:
            pass
