"""kill -9 at random moments loses nothing and records nothing twice."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[4]
HOST = Path(__file__).with_name("crash_host.py")
_KILLS, _PER_SHAPE, _ENOUGH_S = 6, 12, 30.0
_TASK_COMPLETED = 5


def launch(directory: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(HOST), str(directory), str(_PER_SHAPE)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_every_orchestration_ends_right_after_kills_at_random_moments(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for _ in range(_KILLS):
        process = launch(tmp_path)
        assert _reads(process, b"open\n")
        try:
            process.wait(moments.uniform(0.0, 0.4))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    last = launch(tmp_path)
    _, errors = last.communicate(timeout=_ENOUGH_S)
    assert last.returncode == 0, f"seed {seed}: {errors.decode()}"
    assert not _results_recorded_twice(tmp_path / "crash.db")


def test_a_killed_host_goes_on_where_it_was(tmp_path: Path) -> None:
    process = launch(tmp_path)
    assert _reads(process, b"open\n")
    assert _reads(process, b"ready\n")
    process.kill()
    process.communicate()
    begin = time.monotonic()
    last = launch(tmp_path)
    _, errors = last.communicate(timeout=_ENOUGH_S)
    assert last.returncode == 0, errors.decode()
    assert time.monotonic() - begin < _ENOUGH_S
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


def _left_over(hub: Path) -> dict[str, int]:
    with sqlite3.connect(hub) as db:
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("activities", "timers")}
        counts["messages"] = db.execute("SELECT count(*) FROM messages").fetchone()[0]
    return {name: count for name, count in counts.items() if count}
