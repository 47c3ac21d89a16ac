"""What the hub file does when things go wrong."""

import asyncio
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from funchost.durable.backend import ActivityKey, HubCorrupt, HubInUse, HubTooNew, InstanceExists, StorageUnavailable
from funchost.durable.sqlite import SqliteBackend
from funchost.durable.starts import new_instance

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_another_process_is_kept_away(tmp_path: Path) -> None:
    code = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "hub.db.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: ASYNC220 - a lock holder
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(HubInUse, match="Another process"):
            await SqliteBackend(tmp_path / "hub.db").open()
        other.kill()
        other.wait()
    backend = SqliteBackend(tmp_path / "hub.db")
    await backend.open()
    await backend.close()


async def test_a_second_engine_of_the_process_is_kept_away(tmp_path: Path) -> None:
    first = SqliteBackend(tmp_path / "hub.db")
    await first.open()
    with pytest.raises(HubInUse):
        await SqliteBackend(tmp_path / "hub.db").open()
    await first.close()
    second = SqliteBackend(tmp_path / "hub.db")
    await second.open()
    await second.close()


async def test_a_file_that_is_no_database_is_left_alone_and_named(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(HubCorrupt, match=r"hub\.db can't be read"):
        await SqliteBackend(path).open()
    assert path.read_bytes().startswith(b"this is not")


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hub.db") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(HubTooNew, match="schema version 99"):
        await SqliteBackend(tmp_path / "hub.db").open()


async def test_one_bad_operation_fails_alone(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    await backend.open()
    good = new_instance("good", "o", None, NOW)
    bad = new_instance("bad \ud800", "o", None, NOW)
    twice = new_instance("good", "o", None, NOW)
    calls = [backend.create(good), backend.create(bad), backend.create(twice)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["Message", "UnicodeEncodeError", "InstanceExists"]
    assert await backend.get("good") is not None
    await backend.close()


async def test_a_full_disk_refuses_and_a_later_try_succeeds(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    await backend.open()
    writing = backend._connections[0]
    (pages,) = writing.execute("PRAGMA page_count").fetchone()
    writing.execute(f"PRAGMA max_page_count = {pages}")
    large = new_instance("large", "o", '"' + "x" * 100_000 + '"', NOW)
    with pytest.raises(StorageUnavailable, match="full"):
        await backend.create(large)
    writing.execute("PRAGMA max_page_count = 100000")
    await backend.create(large)
    with pytest.raises(InstanceExists):
        await backend.create(large)
    await backend.close()


async def test_a_closed_hub_refuses(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    await backend.open()
    await backend.close()
    await backend.close()
    with pytest.raises(StorageUnavailable):
        await backend.create(new_instance("i", "o", None, NOW))


async def test_only_what_may_be_lost_in_a_power_cut_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "hub.db")
    await backend.open()
    new = new_instance("a", "orchestrator", None, NOW)

    def mode() -> str:
        (found,) = backend._connections[0].execute("PRAGMA synchronous").fetchone()
        return {1: "NORMAL", 2: "FULL"}[found]

    await backend.create(new)
    modes = [mode()]
    await backend.record_result(ActivityKey("a", new.row.execution_id, 0), new.start)
    modes.append(mode())
    await backend.send(new.start)
    modes.append(mode())
    await asyncio.gather(
        backend.record_result(ActivityKey("a", new.row.execution_id, 1), new.start), backend.send(new.start)
    )
    modes.append(mode())
    await backend.close()
    assert modes == ["FULL", "NORMAL", "FULL", "FULL"]
