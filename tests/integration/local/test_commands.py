"""`python -m local` and `make`, as a person calls them."""

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from local.layout import ROOT
from local.supervisor.state import read_state, supervisor_pid

UP = ("up", "--detach", "--free-ports", "--services", "gateway,identity")


def _local(state_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", "--state-dir", str(state_dir), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def _pids(state_dir: Path) -> list[int]:
    records = read_state(state_dir / "state.json").processes.values()
    return [record.pid for record in records if record.pid is not None]


def test_up_status_and_down(tmp_path: Path) -> None:
    try:
        started = _local(tmp_path, *UP)
        assert started.returncode == 0, started.stdout
        assert "The platform is ready" in started.stdout
        pids = _pids(tmp_path)
        assert len(pids) == 6
        told = _local(tmp_path, "status")
        assert told.returncode == 0
        assert told.stdout.count("healthy") == 6
        second = _local(tmp_path, "up", "--services", "gateway")
        assert second.returncode == 1
        assert "already running" in second.stdout
    finally:
        assert "stopped" in _local(tmp_path, "down").stdout
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert _local(tmp_path, "status").returncode == 3
    assert "Nothing runs" in _local(tmp_path, "down").stdout


def test_nothing_survives_a_killed_supervisor_and_the_next_start_works(tmp_path: Path) -> None:
    try:
        assert _local(tmp_path, *UP).returncode == 0
        pids = _pids(tmp_path)
        supervisor = psutil.Process(supervisor_pid(tmp_path / "supervisor.lock") or 0)
        supervisor.kill()
        supervisor.wait(60)
        ends_at = monotonic() + 60
        while any(psutil.pid_exists(pid) for pid in pids) and monotonic() < ends_at:
            sleep(0.05)
        assert not any(psutil.pid_exists(pid) for pid in pids)
        assert _local(tmp_path, "status").returncode == 3
        assert _local(tmp_path, *UP).returncode == 0
    finally:
        _local(tmp_path, "down")


def test_an_unknown_service_is_named(tmp_path: Path) -> None:
    answer = _local(tmp_path, "up", "--services", "gatway")
    assert answer.returncode == 2
    assert "gatway" in answer.stderr


@pytest.mark.parametrize("target", ["help", "setup"])
def test_make_needs_nothing_but_home_and_path(target: str) -> None:
    environment = {name: os.environ[name] for name in ("HOME", "PATH")}
    answer = subprocess.run(["make", target], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
