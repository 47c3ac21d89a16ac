"""Group commit: operations run on the event loop, together; their commit, the slow part, runs on a thread.

A statement costs microseconds and a commit, which waits for the disk, hundreds of them. So everything that waits when
a commit ends goes into the next transaction. Running the statements on the thread too would cost more than it saves:
the thread and the loop would pass the interpreter lock to and fro at every statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from funchost.durable.backend import StorageUnavailable
from funchost.durable.errors import DurableError
from funchost.durable.sqlite_errors import as_backend_error

T = TypeVar("T")

# Keeps the loop free for others: a hundred operations are a few milliseconds.
_MOST_PER_COMMIT = 100


@dataclass(slots=True)
class _Operation:
    run: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    alone: bool = False
    repeatable: bool = False
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Tell the caller; one who has given up is not told."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """Runs operations on one connection, in the order of submission, many to a transaction.

    An operation may raise a DurableError, before it has written anything; that is its caller's alone. Any other error
    rolls the whole transaction back; its operations are then tried one by one, so that the bad one fails alone.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Operation] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="durable-commit")
        self._waits = True
        self._busy = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, run: Callable[[sqlite3.Connection], T], *, repeatable: bool = False) -> T:
        """Run `run` in a transaction; returns its result when that is committed.

        `repeatable`: the commit need not wait for the disk, as losing it to a power cut does no harm. It survives the
        death of the process, and reaches the disk no later than the next one that waits.
        Raises what `run` raised, StorageUnavailable when the store can't write or is closed, HubCorrupt.
        """
        if self._closed:
            raise StorageUnavailable("The task hub is closed.")
        operation = _Operation(run, self._loop.create_future(), repeatable=repeatable)
        self._waiting.append(operation)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # At the end of this round of the loop, so that whoever else is ready joins in.
            self._loop.call_soon(self._flush)
        result: T = await operation.future
        return result

    async def close(self) -> None:
        """Finish what was submitted. May be repeated."""
        self._closed = True
        await self._idle.wait()
        self._thread.shutdown(wait=True)

    def _flush(self) -> None:
        batch = self._take()
        if not batch:
            self._busy = False
            self._idle.set()
            return
        try:
            self._execute(batch)
        except Exception as error:  # noqa: BLE001 - handed to the caller whose operation it is
            self._roll_back(batch, error)
            return
        commit = self._loop.run_in_executor(self._thread, self._connection.execute, "COMMIT")
        commit.add_done_callback(lambda done: self._committed(batch, done.exception()))

    def _take(self) -> list[_Operation]:
        batch: list[_Operation] = []
        while self._waiting and len(batch) < _MOST_PER_COMMIT:
            if self._waiting[0].alone and batch:
                break
            batch.append(self._waiting.popleft())
            if batch[0].alone:
                break
        return batch

    def _execute(self, batch: list[_Operation]) -> None:
        self._wait_for_disk(not all(operation.repeatable for operation in batch))
        self._connection.execute("BEGIN IMMEDIATE")
        for operation in batch:
            operation.error = None
            try:
                operation.result = operation.run(self._connection)
            except DurableError as error:
                operation.error = error

    def _wait_for_disk(self, waits: bool) -> None:
        if waits != self._waits:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
            self._waits = waits

    def _committed(self, batch: list[_Operation], error: BaseException | None) -> None:
        if error is not None:
            self._roll_back(batch, error)
            return
        for operation in batch:
            operation.settle()
        self._flush()

    def _roll_back(self, batch: list[_Operation], error: BaseException) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if len(batch) == 1:
            is_storage = isinstance(error, sqlite3.Error) or not isinstance(error, Exception)
            refusal = as_backend_error(error, self._path, "written")
            batch[0].error = refusal if is_storage else cast(Exception, error)
            batch[0].settle()
        else:
            for operation in reversed(batch):
                operation.alone = True
                self._waiting.appendleft(operation)
        self._loop.call_soon(self._flush)
