"""kill -9 at random moments loses nothing and records nothing twice.

Longer: `DURABLE_KILLS=200 DURABLE_PER_SHAPE=125 pytest tests/integration/funchost/durable/test_crash.py`, which is
1,000 orchestrations at a time, a new wave of them whenever all are complete, and takes about ten minutes.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[4]
HOST = Path(__file__).with_name("crash_host.py")
_KILLS = int(os.environ.get("DURABLE_KILLS", "6"))
_PER_SHAPE = int(os.environ.get("DURABLE_PER_SHAPE", "12"))
# So many orchestrations take about so long to finish after the last kill, on a busy machine too.
_ENOUGH_S = 120.0 + _PER_SHAPE
_LATEST_KILL_S = 0.4 + _PER_SHAPE / 100
_TASK_COMPLETED = 5


def launch(directory: Path, waves: int = 1) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(HOST), str(directory), str(_PER_SHAPE), str(waves)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_every_orchestration_ends_right_after_kills_at_random_moments(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    kills, waves = 0, 1
    while kills < _KILLS:
        process = launch(tmp_path, waves)
        assert _reads(process, b"open\n")
        try:
            process.wait(moments.uniform(0.0, _LATEST_KILL_S))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        _, errors = process.communicate()
        if process.returncode == 0:
            waves += 1
        assert process.returncode in (0, -signal.SIGKILL), f"seed {seed}: {errors.decode()}"
    last = launch(tmp_path, waves)
    _, errors = last.communicate(timeout=_ENOUGH_S)
    assert last.returncode == 0, f"seed {seed}: {errors.decode()}"
    assert not _results_recorded_twice(tmp_path / "crash.db")
    assert _ended_whole(tmp_path / "crash.db") >= waves * _PER_SHAPE * 8


def test_a_killed_host_goes_on_where_it_was(tmp_path: Path) -> None:
    process = launch(tmp_path)
    assert _reads(process, b"open\n")
    assert _reads(process, b"ready\n")
    process.kill()
    process.communicate()
    last = launch(tmp_path)
    _, errors = last.communicate(timeout=_ENOUGH_S)
    assert last.returncode == 0, errors.decode()
    assert not _left_over(tmp_path / "crash.db")


def _reads(process: subprocess.Popen[bytes], line: bytes) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == line


def _results_recorded_twice(hub: Path) -> list[tuple[str, int]]:
    seen: Counter[tuple[str, int]] = Counter()
    with sqlite3.connect(hub) as db:
        for instance_id, chunk in db.execute("SELECT instance_id, events FROM history"):
            seen.update(
                (instance_id, event["TaskScheduledId"])
                for event in orjson.loads(chunk)
                if event["EventType"] == _TASK_COMPLETED
            )
    return [key for key, count in seen.items() if count > 1]


def _ended_whole(hub: Path) -> int:
    with sqlite3.connect(hub) as db:
        sql = "SELECT count(*) FROM instances WHERE status = 'Completed'"
        return int(db.execute(sql).fetchone()[0])


def _left_over(hub: Path) -> dict[str, int]:
    with sqlite3.connect(hub) as db:
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("activities", "timers")}
        counts["messages"] = db.execute("SELECT count(*) FROM messages").fetchone()[0]
    return {name: count for name, count in counts.items() if count}
