import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

from funchost.definitions import Binding, FunctionDefinition
from funchost.function import BoundFunction
from funchost.invoker import Invoker
from funchost.signature import plan_call
from funchost.triggers.schedule import parse_schedule
from funchost.triggers.timer import TimerListener, TimerStatus, TimerStatusFile

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
        self.listener = TimerListener(function, Invoker(), parse_schedule(schedule), self.file, lambda: self.now)

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
    assert timer.file.read() == TimerStatus(None, _NOW + timedelta(hours=1))


async def test_run_on_startup_fires_at_once_and_is_not_past_due(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, runOnStartup=True)
    await timer.run_until_idle()
    assert [run.past_due for run in timer.runs] == [False]
    assert timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=1))


async def test_a_run_missed_while_the_host_was_down_is_made_up_once(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    timer.file.write(TimerStatus(_NOW - timedelta(hours=5), _NOW - timedelta(hours=4)))
    await timer.run_until_idle()
    assert [run.past_due for run in timer.runs] == [True]
    assert timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=1))


async def test_without_the_monitor_nothing_is_kept_or_made_up(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, useMonitor=False)
    timer.file.write(TimerStatus(None, _NOW - timedelta(hours=4)))
    await timer.run_until_idle()
    assert timer.runs == []
    assert timer.file.read() == TimerStatus(None, _NOW - timedelta(hours=4))


async def test_an_interval_goes_on_from_the_last_run_after_a_restart(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, "02:00:00")
    planned = TimerStatus(_NOW - timedelta(hours=1), _NOW + timedelta(hours=1))
    timer.file.write(planned)
    await timer.run_until_idle()
    assert timer.runs == []
    assert timer.file.read() == planned


async def test_a_due_timer_fires_and_plans_the_next_run(tmp_path: Path) -> None:
    timer = _Timer(tmp_path, "02:00:00")
    timer.file.write(TimerStatus(_NOW - timedelta(hours=2), _NOW))
    await timer.listener.start()
    await timer.ran.wait()
    await timer.listener.stop()
    await timer.listener.drained()
    assert timer.file.read() == TimerStatus(_NOW, _NOW + timedelta(hours=2))


async def test_a_damaged_status_file_starts_afresh(tmp_path: Path) -> None:
    timer = _Timer(tmp_path)
    (tmp_path / "timers").mkdir()
    (tmp_path / "timers" / "tick.json").write_text("{")
    await timer.run_until_idle()
    assert timer.runs == []
    assert timer.file.read() == TimerStatus(None, _NOW + timedelta(hours=1))
