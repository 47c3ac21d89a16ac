import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from funchost.definitions import Binding, FunctionDefinition
from funchost.function import BoundFunction
from funchost.invoker import Invoker
from funchost.signature import plan_call
from funchost.triggers import timer as timer_module
from funchost.triggers.schedule import parse_schedule
from funchost.triggers.timer import TimerListener
from funchost.triggers.timer_status import TimerStatus, TimerStatusFile

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class _Lock:
    """A lock that is had as soon as it is asked for; `meanwhile` is what another host does before."""

    def __init__(self) -> None:
        self.is_held = False
        self.meanwhile: Any = None

    async def acquire(self, stopping: asyncio.Event) -> bool:
        if self.meanwhile is not None:
            await self.meanwhile()
        self.is_held = True
        return True

    async def release(self) -> None:
        self.is_held = False


class _Timer:
    """A timer function on an hourly schedule, with a clock that stands still until moved."""

    def __init__(self, folder: Path, schedule: str = "0 0 * * * *", **properties: Any) -> None:
        self.now = _NOW
        self.runs: list[func.TimerRequest] = []
        self.ran = asyncio.Event()
        trigger = Binding("t", "timerTrigger", False, properties)

        async def tick(t: func.TimerRequest) -> None:
            self.runs.append(t)
            self.ran.set()

        definition = FunctionDefinition("tick", tick, Path("/app/function_app.py"), (trigger,), trigger)
        function = BoundFunction(definition, plan_call(definition))
        self.file = TimerStatusFile(folder, "tick")
        self.lock = _Lock()
        self.listener = TimerListener(
            function, Invoker(), parse_schedule(schedule), self.file, lambda: self.now, self.lock
        )

    async def run_until_idle(self) -> None:
        await self.listener.start()
        for _ in range(20):
            await asyncio.sleep(0)
        await self.listener.stop()
        await self.listener.drained()


async def test_the_first_start_only_plans(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    await timer.run_until_idle()
    assert timer.runs == []
    assert await timer.file.read() == TimerStatus(None, _NOW + timedelta(hours=1))


async def test_a_host_that_stops_gives_its_lock_back_at_once(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    await timer.listener.start()
    while not timer.lock.is_held:  # noqa: ASYNC110 (a flag, no event)
        await asyncio.sleep(0)
    await timer.listener.stop()
    await timer.listener.drained()
    assert not timer.lock.is_held


async def test_run_on_startup_fires_at_once_and_is_not_past_due(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, runOnStartup=True)
    await timer.run_until_idle()
    assert [run.past_due for run in timer.runs] == [False]
    assert await timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=1))


async def test_a_run_missed_while_the_host_was_down_is_made_up_once(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    await timer.file.write(TimerStatus(_NOW - timedelta(hours=5), _NOW - timedelta(hours=4)))
    await timer.run_until_idle()
    assert [run.past_due for run in timer.runs] == [True]
    assert await timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=1))


async def test_without_the_monitor_nothing_is_kept_or_made_up(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, useMonitor=False)
    await timer.file.write(TimerStatus(None, _NOW - timedelta(hours=4)))
    await timer.run_until_idle()
    assert timer.runs == []
    assert await timer.file.read() == TimerStatus(None, _NOW - timedelta(hours=4))


async def test_an_interval_goes_on_from_the_last_run_after_a_restart(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, "02:00:00")
    planned = TimerStatus(_NOW - timedelta(hours=1), _NOW + timedelta(hours=1))
    await timer.file.write(planned)
    await timer.run_until_idle()
    assert timer.runs == []
    assert await timer.file.read() == planned


async def test_a_due_timer_fires_and_plans_the_next_run(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, "02:00:00")
    await timer.file.write(TimerStatus(_NOW - timedelta(hours=2), _NOW))
    await timer.listener.start()
    await timer.ran.wait()
    await timer.listener.stop()
    await timer.listener.drained()
    assert await timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=2))


async def test_a_damaged_status_file_starts_afresh(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    (tmp_path / "timers").mkdir()
    (tmp_path / "timers" / "tick.json").write_text("{")
    await timer.run_until_idle()
    assert timer.runs == []
    assert await timer.file.read() == TimerStatus(None, _NOW + timedelta(hours=1))


async def test_a_host_that_takes_over_makes_up_what_the_other_one_missed(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)

    async def the_other_dies_before_its_run() -> None:
        await timer.file.write(TimerStatus(_NOW - timedelta(hours=2), _NOW - timedelta(hours=1)))

    timer.lock.meanwhile = the_other_dies_before_its_run
    await timer.run_until_idle()
    assert [run.past_due for run in timer.runs] == [True]


async def test_a_host_that_lost_its_lock_does_not_repeat_what_the_other_one_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timer_module, "_LONGEST_SLEEP_S", 0)
    timer = _Timer(tmp_path)
    await timer.listener.start()
    await asyncio.sleep(0.01)
    timer.lock.is_held = False
    took_over = asyncio.Event()

    async def the_other_ran_it() -> None:
        await timer.file.write(TimerStatus(timer.now, timer.now + timedelta(hours=1)))
        took_over.set()

    timer.lock.meanwhile = the_other_ran_it
    timer.now += timedelta(hours=1, minutes=1)
    await took_over.wait()
    await asyncio.sleep(0.01)
    await timer.listener.stop()
    await timer.listener.drained()
    assert timer.runs == []


async def test_a_status_that_cannot_be_read_yet_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timer_module, "_READ_AGAIN_S", 0)
    timer = _Timer(tmp_path)
    await timer.file.write(TimerStatus(None, _NOW - timedelta(hours=1)))
    failures = [OSError("away"), OSError("away")]

    async def read() -> TimerStatus | None:
        if failures:
            raise failures.pop()
        return await TimerStatusFile(tmp_path, "tick").read()

    monkeypatch.setattr(timer.file, "read", read)
    await timer.listener.start()
    await timer.ran.wait()
    await timer.listener.stop()
    await timer.listener.drained()
    assert [run.past_due for run in timer.runs] == [True]


async def test_a_status_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "timers").write_text("not a folder")
    timer = _Timer(tmp_path, runOnStartup=True)
    await timer.run_until_idle()
    assert len(timer.runs) == 1


def test_what_the_official_host_wrote_is_read() -> None:
    text = (
        '{"Last":"0001-01-01T00:00:00","Next":"2026-11-23T13:00:00.0000000","LastUpdated":"2026-11-23T12:00:00+00:00"}'
    )
    assert TimerStatus.from_json(text) == TimerStatus(None, _NOW + timedelta(hours=1))
