"""A task hub in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from funchost.durable import sqlite_rows as rows
from funchost.durable.backend import (
    ActivityKey,
    Backend,
    ExecutionGone,
    InstanceEnded,
    InstanceExists,
    InstanceFilter,
    InstanceNotFound,
    InstancePage,
    InstanceRow,
    Message,
    NewInstance,
    PendingWork,
    Snapshot,
    StorageUnavailable,
    TurnCommit,
)
from funchost.durable.rewinding import Rewinding, check_rewind
from funchost.durable.sqlite_errors import as_backend_error
from funchost.durable.sqlite_schema import HubLock, connect, prepare
from funchost.durable.writer import Writer

T = TypeVar("T")


class SqliteBackend(Backend):
    """Keeps a hub in `path`. Writes go through one thread with group commit, reads through another connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = HubLock(path.with_name(path.name + ".lock"))
        self._writer: Writer | None = None
        self._connections: list[sqlite3.Connection] = []
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="durable-reader")

    async def open(self) -> PendingWork:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            writing = await asyncio.to_thread(prepare, self._path)
        except BaseException:
            self._lock.release()
            raise
        self._connections = [writing, connect(self._path, writes=False)]
        self._writer = Writer(writing, self._path)
        return await self._read(_select_pending)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        self._reading.shutdown(wait=True)
        while self._connections:
            self._connections.pop().close()
        self._lock.release()

    async def create(self, new: NewInstance, *, replace_running: bool = False) -> Message:
        def run(db: sqlite3.Connection) -> Message:
            existing = rows.select_instance(db, new.row.instance_id)
            if existing and not existing.status.is_final and not replace_running:
                raise InstanceExists(existing.instance_id, existing.status)
            return rows.create_instance(db, new, existing)

        return await self._write(run)

    async def send(self, message: Message) -> Message:
        def run(db: sqlite3.Connection) -> Message:
            row = rows.select_instance(db, message.instance_id)
            if row is None:
                raise InstanceNotFound(message.instance_id)
            if row.status.is_final:
                raise InstanceEnded(row.instance_id, row.status)
            return rows.insert_message(db, message)

        return await self._write(run)

    async def record_result(self, key: ActivityKey, result: Message) -> Message | None:
        def run(db: sqlite3.Connection) -> Message | None:
            return rows.insert_message_if_running(db, result) if rows.delete_activity(db, key) else None

        # Lost in a power cut, it is as if the activity had not ended: it runs again. What follows from the result is
        # in the commit of a turn, which waits for the disk and takes this one along.
        return await self._write(run, repeatable=True)

    async def postpone(self, key: ActivityKey, raw_input: str) -> bool:
        def run(db: sqlite3.Connection) -> bool:
            row = rows.select_instance(db, key.instance_id)
            if row is None or row.status.is_final or row.execution_id != key.execution_id:
                rows.delete_activity(db, key)
                return False
            return rows.update_activity(db, key, raw_input)

        return await self._write(run)

    async def commit(self, turn: TurnCommit) -> list[Message]:
        def run(db: sqlite3.Connection) -> list[Message]:
            if not rows.update_instance(db, turn.row, turn.execution_id):
                raise ExecutionGone(turn.row.instance_id)
            rows.apply_turn(db, turn)
            stored = [_create_child(db, child) for child in turn.children]
            stored += [rows.insert_message_if_running(db, message) for message in turn.messages]
            return [message for message in stored if message is not None]

        return await self._write(run)

    async def rewind(self, rewinding: Rewinding) -> list[Message]:
        def run(db: sqlite3.Connection) -> list[Message]:
            check_rewind(rewinding, lambda instance_id: rows.select_instance(db, instance_id))
            for rewound in rewinding.parts:
                rows.apply_rewind(db, rewound)
            messages = [message for rewound in rewinding.parts for message in rewound.messages]
            return [rows.insert_message(db, message) for message in [*messages, *rewinding.answers]]

        return await self._write(run)

    async def load(self, instance_id: str) -> Snapshot | None:
        def run(db: sqlite3.Connection) -> Snapshot | None:
            row = rows.select_instance(db, instance_id)
            if row is None:
                return None
            return Snapshot(row, rows.select_history(db, instance_id), rows.select_messages(db, instance_id))

        return await self._read(run)

    async def get(self, instance_id: str) -> InstanceRow | None:
        return await self._read(lambda db: rows.select_instance(db, instance_id))

    async def query(self, wanted: InstanceFilter, *, after: str = "", limit: int = 100) -> InstancePage:
        found = await self._read(lambda db: rows.select_instances(db, wanted, after, limit + 1))
        return InstancePage(found[:limit], found[limit - 1].instance_id if len(found) > limit else None)

    async def purge(self, instance_ids: Sequence[str]) -> list[str]:
        def run(db: sqlite3.Connection) -> list[str]:
            found = [rows.select_instance(db, instance_id) for instance_id in instance_ids]
            ended = [row.instance_id for row in found if row is not None and row.status.is_final]
            for instance_id in ended:
                rows.delete_instance(db, instance_id)
            return ended

        return await self._write(run)

    async def _write(self, run: Callable[[sqlite3.Connection], T], *, repeatable: bool = False) -> T:
        if self._writer is None:
            raise StorageUnavailable("The task hub is closed.")
        return await self._writer.submit(run, repeatable=repeatable)

    async def _read(self, run: Callable[[sqlite3.Connection], T]) -> T:
        def in_one_view() -> T:
            db = self._connections[1]
            db.execute("BEGIN")
            try:
                return run(db)
            finally:
                db.execute("COMMIT")

        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, in_one_view)
        except sqlite3.Error as error:
            raise as_backend_error(error, self._path, "read") from error


def _select_pending(db: sqlite3.Connection) -> PendingWork:
    return PendingWork(rows.select_waiting(db), rows.select_activities(db), rows.select_timers(db))


def _create_child(db: sqlite3.Connection, child: NewInstance) -> Message | None:
    existing = rows.select_instance(db, child.row.instance_id)
    if existing and not existing.status.is_final:
        return rows.insert_message_if_running(db, child.refusal) if child.refusal else None
    return rows.create_instance(db, child, existing)
