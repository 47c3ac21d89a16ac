"""Chains of five steps on DBOS and SQLite: `python -m bench.apps.dbos_chain FOLDER RUNS`; prints `{"rate"}`.

The first quarter more of them does not count: it opens connections and makes the tables.
"""

import json
import sys
from time import perf_counter

from dbos import DBOS

STEPS = 5


@DBOS.step()  # type: ignore[untyped-decorator]
def add_one(value: int) -> int:
    """One more."""
    return value + 1


@DBOS.workflow()  # type: ignore[untyped-decorator]
def chain() -> int:
    """Five steps, one after the other."""
    value = 0
    for _ in range(STEPS):
        value = add_one(value)
    return value


def run(runs: int) -> float:
    """Start that many, wait for all; seconds."""
    began = perf_counter()
    handles = [DBOS.start_workflow(chain) for _ in range(runs)]
    if any(handle.get_result() != STEPS for handle in handles):
        raise RuntimeError("a workflow ended wrong")
    return perf_counter() - began


def main(folder: str, runs: int) -> None:
    """Measure."""
    database = f"sqlite:///{folder}/dbos.sqlite"
    DBOS(config={"name": "bench", "system_database_url": database, "log_level": "ERROR", "run_admin_server": False})
    DBOS.launch()
    run(runs // 4)
    took = run(runs)
    print(json.dumps({"rate": runs / took}), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
