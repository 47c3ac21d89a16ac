"""The supervisor with small real processes."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local.supervisor.child import Spec
from local.supervisor.orphans import end_orphans
from local.supervisor.probes import listening
from local.supervisor.state import ProcessRecord, read_state
from local.supervisor.supervisor import StartError, Supervisor

ROOT = Path(__file__).resolve().parents[3]
SLEEP = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
CRASH = "import sys; print('the disk is on fire'); sys.exit(3)"

OWNER = """
import asyncio, sys
from pathlib import Path
from local.supervisor.child import Spec
from local.supervisor.state import State, sole_supervisor, write_state
from local.supervisor.supervisor import Supervisor

async def ready(): return True

async def main():
    folder = Path(sys.argv[1])
    spec = Spec("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), ready, environment={})
    supervisor = Supervisor([spec], folder)
    with sole_supervisor(folder / "lock"):
        await supervisor.start()
        write_state(folder / "state.json", State(processes=supervisor.records))
        print(supervisor.pids["sleeper"], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def _always() -> bool:
    return True


def _spec(name: str, code: str = SLEEP, **options: object) -> Spec:
    given: dict[str, object] = {"ready": _always, "environment": dict(os.environ), **options}
    return Spec(name=name, command=(sys.executable, "-c", code), **given)  # type: ignore[arg-type]


async def _until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (what is waited for is another process)
            await asyncio.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_everything_is_stopped_in_order_of_rank(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    specs = [_spec("storage", stop_rank=2), _spec("service", stop_rank=1, after=("storage",)), _spec("edge")]
    supervisor = Supervisor(specs, tmp_path, lambda record: seen.append((record.name, record.status)))
    await supervisor.start()
    pids = list(supervisor.pids.values())
    await supervisor.stop()
    assert [name for name, status in seen if status == "stopped"] == ["edge", "service", "storage"]
    assert seen.index(("storage", "ready")) < seen.index(("service", "starting"))
    assert all(_gone(pid) for pid in pids)


async def test_what_dies_is_restarted_and_told(tmp_path: Path) -> None:
    seen: list[ProcessRecord] = []
    supervisor = Supervisor([_spec("service")], tmp_path, seen.append)
    await supervisor.start()
    first = supervisor.pids["service"]
    await supervisor.kill("service")
    async with asyncio.timeout(60):
        await supervisor.until_ready("service")
    second = supervisor.pids["service"]
    await supervisor.stop()
    assert first != second
    told = next(record for record in seen if record.status == "restarting")
    assert "SIGKILL" in told.detail
    assert "0.5 s" in told.detail


async def test_a_process_that_can_not_start_ends_all_and_shows_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor([_spec("fine"), _spec("broken", CRASH, ready=listening(1))], tmp_path)
    with pytest.raises(StartError, match=r"exit code 3[\s\S]*the disk is on fire") as caught:
        await supervisor.start()
    assert str(tmp_path / "broken.log") in str(caught.value)
    assert supervisor.pids == {}
    assert supervisor.records["broken"].status == "failed"


async def test_a_process_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    supervisor = Supervisor([_spec("slow", ready=listening(1), ready_timeout_s=0.3)], tmp_path, first_tries=1)
    with pytest.raises(StartError, match=r"not ready after 0\.3 s"):
        await supervisor.start()


async def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    spec = Spec(name="ghost", command=("/nowhere/ghost",), ready=_always, environment={})
    with pytest.raises(StartError, match="ghost can't be started"):
        await Supervisor([spec], tmp_path).start()


async def test_a_process_that_ignores_the_request_to_stop_is_ended(tmp_path: Path) -> None:
    supervisor = Supervisor([_spec("deaf", STUBBORN, stop_grace_s=0.3)], tmp_path)
    await supervisor.start()
    pid = supervisor.pids["deaf"]
    await _until(lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    await supervisor.stop()
    assert _gone(pid)


async def test_one_process_can_be_stopped_and_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor([_spec("one"), _spec("two")], tmp_path)
    await supervisor.start()
    await supervisor.stop(["one"])
    assert set(supervisor.pids) == {"two"}
    await supervisor.start(["one"])
    assert set(supervisor.pids) == {"one", "two"}
    await supervisor.stop()


async def test_none_of_them_is_not_all_of_them(tmp_path: Path) -> None:
    supervisor = Supervisor([_spec("one")], tmp_path)
    await supervisor.start([])
    assert supervisor.pids == {}
    await supervisor.start()
    await supervisor.stop([])
    assert set(supervisor.pids) == {"one"}
    await supervisor.stop()


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    owner, child = _owner(tmp_path)
    owner.kill()
    owner.wait()
    _wait_gone(child)


def test_an_orphan_of_a_killed_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    owner, child = _owner(tmp_path)
    state = read_state(tmp_path / "state.json")
    assert end_orphans(state) == ["sleeper"]
    _wait_gone(child)
    assert end_orphans(state) == []
    owner.kill()
    owner.wait()


def _owner(folder: Path) -> tuple[subprocess.Popen[str], int]:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    child = int(owner.stdout.readline())
    assert not _gone(child)
    return owner, child


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while not _gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _gone(pid)
