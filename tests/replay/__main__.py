"""Records the histories of this version: `python -m tests.replay 0.1.0`. What is recorded is never changed."""

import asyncio
import gzip
import json
import sys
from pathlib import Path

from tests.replay.recorder import Recorder
from tests.replay.scenarios import SCENARIOS

FOLDER = Path(__file__).resolve().parents[1] / "data" / "histories"


async def record(release: str, folder: Path = FOLDER) -> int:
    """Record every scenario that this release does not have yet; gives how many."""
    (folder / release).mkdir(parents=True, exist_ok=True)
    made = 0
    for name, scenario in SCENARIOS.items():
        file = folder / release / f"{name}.json.gz"
        if file.exists():
            print(f"{file.name} of {release} is recorded and stays as it is")
            continue
        executions = await Recorder(scenario).record()
        content = json.dumps(executions, sort_keys=True).encode()
        with file.open("xb") as out:
            out.write(gzip.compress(content, mtime=0))
        made += 1
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which release? python -m tests.replay 0.1.0")
    print(f"recorded {asyncio.run(record(sys.argv[1]))} histories")
