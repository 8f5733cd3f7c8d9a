"""A chain of steps over tables while it is made: a pipeline, and one DuckDB query."""
import json
from dataclasses import dataclass, field


@dataclass
class Plan:
    seed: int
    tables: list
    steps: list = field(default_factory=list)
    sql: str = ""
    columns: list = field(default_factory=list)
    id_column: str = ""      # unique and never NULL, or ""
    is_ordered: bool = False
    kinds: list = field(default_factory=list)
    row_limit: int = 10**6   # a guess of how many rows there are at most

    def pipeline(self):
        return json.dumps({"steps": self.steps}, indent=1, ensure_ascii=False)

    def add(self, kind, step, sql, columns=None):
        self.kinds.append(kind)
        self.steps.append(step)
        self.sql = sql
        if columns is not None:
            self.columns = columns


def scan_step(table, **more):
    return {"op": "scan", "source": table.file, **more,
            "schema": [{"name": c.name, "type": c.type.name} for c in table.columns]}
