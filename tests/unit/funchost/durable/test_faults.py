"""A full disk, a page that can't be read, a clock that jumps: what happens is stated, and nothing is lost."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest

from funchost.durable import clock as clock_module
from funchost.durable.backend import HubCorrupt, StorageUnavailable
from funchost.durable.clock import SystemClock
from funchost.durable.sqlite import SqliteBackend

bp = df.Blueprint()
ran: list[int] = []


@bp.activity_trigger(input_name="number")
def note(number: int) -> str:
    ran.append(number)
    return "x" * 2000


@bp.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Any:
    length = 0
    for number in range(5):
        length += len((yield context.call_activity("note", number)))
    return length


@bp.orchestration_trigger(context_name="context")
def sleeps(context: df.DurableOrchestrationContext) -> Any:
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(hours=1))
    yield context.wait_for_external_event("go")
    return context.current_utc_datetime >= before


async def test_a_full_disk_refuses_what_is_new_and_delays_what_runs(tmp_path: Path, make_hub_over: Any) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    hub = await make_hub_over(bp, backend)
    instance_id = await hub.start("chain")
    pages = _limit_pages(backend, 1)
    with pytest.raises(StorageUnavailable, match="full"):
        await hub.start("chain", "x" * 10**6)
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert not (await hub.row(instance_id)).status.is_final
    _limit_pages(backend, pages)
    assert (await hub.finish(instance_id)).output == "10000"
    assert hub.engine.waiting().timers == 0
    page = await hub.engine.client.query(_everything())
    assert [row.instance_id for row in page.rows] == [instance_id]


def _limit_pages(backend: SqliteBackend, pages: int) -> int:
    """Make the file as large as it may get; returns the limit that counted before."""
    db = backend._connections[0]
    (before,) = db.execute("PRAGMA max_page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    return int(before)


def _everything() -> Any:
    from funchost.durable.backend import InstanceFilter

    return InstanceFilter()


async def test_a_file_whose_pages_are_broken_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    backend = SqliteBackend(path)
    await backend.open()
    await backend.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))
    with pytest.raises(HubCorrupt, match="Restore it from a copy"):
        await SqliteBackend(path).open()


async def test_a_clock_that_jumps_ahead_ends_the_pauses_it_passes(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("sleeps")
    await hub.idle()
    hub.clock.advance(timedelta(days=400))
    await hub.engine.client.raise_event(instance_id, "go", "null")
    assert json.loads((await hub.finish(instance_id)).output) is True


async def test_a_clock_that_is_set_back_neither_turns_time_round_nor_fires_early(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.start("sleeps")
    await hub.idle()
    due = hub.clock.now() + timedelta(hours=1)
    hub.clock._now -= timedelta(days=30)
    await hub.engine.client.raise_event(instance_id, "go", "null")
    await hub.idle()
    await hub.restart()
    await hub.idle()
    assert not (await hub.row(instance_id)).status.is_final
    assert hub.clock.advance_to_next()
    assert hub.clock.now() == due
    assert json.loads((await hub.finish(instance_id)).output) is True


async def test_the_system_clock_notices_that_it_was_set_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "_LONGEST_NAP", timedelta(milliseconds=1))
    clock, rang = SystemClock(), asyncio.Event()
    jump = [timedelta(0)]
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + jump[0])
    alarm = clock.call_at(clock.now() + timedelta(hours=2), rang.set)
    await asyncio.sleep(0.01)
    assert not rang.is_set()
    jump[0] = timedelta(hours=3)
    async with asyncio.timeout(5):
        await rang.wait()
    alarm.cancel()


@bp.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Any:
    value = yield context.wait_for_external_event("go")
    return value


async def test_an_instance_on_a_broken_page_rests_and_every_other_goes_on(
    tmp_path: Path, make_hub_over: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hub.db"
    hub = await make_hub_over(bp, SqliteBackend(path))
    await hub.start("waits", "M" * 30_000, "broken")
    for number in range(60):  # the last of them is some pages away from the broken one
        await hub.start("waits", "w" * 900, f"whole-{number:02}")
    await hub.idle()
    await hub.engine.drain(5)
    hub.engine = hub._make_engine(SqliteBackend(path))
    await hub.engine.start()
    _break_chain_of_pages(path, b"M" * 4092)
    with pytest.raises(HubCorrupt, match=r"hub\.db is damaged .*Restore it from a copy"):
        await hub.engine.client.get("broken")
    with pytest.raises(HubCorrupt):
        await hub.engine.client.raise_event("broken", "go", "1")
    hub.engine._worker.wake("broken")
    await hub.engine.client.raise_event("whole-59", "go", "1")
    await hub.idle()
    assert json.loads((await hub.row("whole-59")).output) == 1
    for _ in range(10):
        hub.clock.advance(timedelta(minutes=1))
        await hub.idle()
    told = [record.message for record in caplog.records if "'broken' rests" in record.message]
    assert len(told) == 1


def _break_chain_of_pages(path: Path, content: bytes) -> None:
    """Cut the chain of overflow pages at each page that holds nothing but `content`."""
    data = bytearray(path.read_bytes())
    for page in range(0, len(data), 4096):
        if data[page + 4 : page + 4096] == content:
            data[page : page + 4] = bytes(4)
    with path.open("r+b") as file:
        file.write(data)


async def test_a_result_that_a_broken_page_refuses_is_not_tried_for_ever(
    tmp_path: Path, make_hub_over: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    hub = await make_hub_over(bp, backend)

    async def refuse(*_: Any) -> None:
        raise HubCorrupt("broken")

    with monkeypatch.context() as broken:
        broken.setattr(backend, "record_result", refuse)
        instance_id = await hub.start("chain")
        await hub.idle()
        assert "runs again" in caplog.text
    hub.engine._backend = backend
    await hub.engine.drain(5)
    hub.engine = hub._make_engine(SqliteBackend(tmp_path / "hub.db"))
    await hub.engine.start()
    assert (await hub.finish(instance_id)).output == "10000"
