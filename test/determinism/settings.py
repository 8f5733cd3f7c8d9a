"""What must not matter: caps, threads, sizes of batches and stress modes, and their product."""
import itertools
from dataclasses import dataclass

CAPS = [16_000_000, 64_000_000, 4_000_000_000]
THREADS = [1, 2, 8]
BATCHES = [1, 64, 1024]
STRESSES = ["", "min", "spill", "hash", "blocked", "min,spill,hash"]


@dataclass(frozen=True)
class Setting:
    cap: int
    threads: int
    batch: int
    stress: str
    deterministic: bool = True

    def environment(self):
        modes = [self.stress] if self.stress else []
        return {"WEIR_MEMORY_CAP": str(self.cap), "WEIR_THREADS": str(self.threads),
                "WEIR_STRESS": ",".join(modes + [f"batch={self.batch}"])}

    def __str__(self):
        return f"cap {self.cap // 10**6} MB, {self.threads} threads, batch {self.batch}" \
               f"{', ' + self.stress if self.stress else ''}" \
               f"{'' if self.deterministic else ', order open'}"


REFERENCES = [Setting(64_000_000, 1, 1024, "", deterministic) for deterministic in (True, False)]
PRODUCT = [Setting(*parts) for parts in itertools.product(
    CAPS, THREADS, BATCHES, STRESSES, (True, False))]


def draw_settings(random, count):
    """`count` settings; every value of every part has its turn."""
    parts = [random.sample(values * count, count)
             for values in (CAPS, THREADS, BATCHES, STRESSES, [True, True, False])]
    return [Setting(*each) for each in zip(*parts)]
