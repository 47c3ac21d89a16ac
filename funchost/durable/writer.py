"""The thread that writes: it takes all operations that wait and commits them together (group commit)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from funchost.durable.backend import BackendError, StorageUnavailable

T = TypeVar("T")

# Keeps a transaction, and with it the wait of the first caller in it, short.
_MOST_PER_COMMIT = 200


@dataclass(slots=True)
class _Operation:
    run: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs operations on one connection, in the order of submission, many to a transaction.

    An operation may raise a BackendError, but only before it has written anything. Any other error rolls the whole
    transaction back; its operations are then tried one by one, so that one bad operation fails alone.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Operation] = deque()
        self._signal = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="durable-writer", daemon=True)
        self._thread.start()

    async def submit(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Run `run` in a transaction; returns its result when that is committed.

        Raises what `run` raised, StorageUnavailable when the store can't write or is closed.
        """
        operation = _Operation(run, self._loop.create_future())
        with self._signal:
            if self._closing:
                raise StorageUnavailable("The task hub is closed.")
            self._waiting.append(operation)
            self._signal.notify()
        result: T = await operation.future
        return result

    def close(self) -> None:
        """Finish what was submitted and end the thread; blocks until then. May be repeated."""
        with self._signal:
            self._closing = True
            self._signal.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._take():
            try:
                self._commit(batch)
            except sqlite3.Error:
                self._roll_back()
                for operation in batch:
                    self._commit_alone(operation)
            self._loop.call_soon_threadsafe(_settle, batch)

    def _take(self) -> list[_Operation]:
        with self._signal:
            while not self._waiting and not self._closing:
                self._signal.wait()
            count = min(len(self._waiting), _MOST_PER_COMMIT)
            return [self._waiting.popleft() for _ in range(count)]

    def _commit(self, batch: list[_Operation]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for operation in batch:
            operation.error = None
            try:
                operation.result = operation.run(self._connection)
            except sqlite3.Error:
                raise
            except Exception as error:  # noqa: BLE001 - handed to the caller
                operation.error = error
        self._connection.execute("COMMIT")

    def _commit_alone(self, operation: _Operation) -> None:
        try:
            self._commit([operation])
        except sqlite3.Error as error:
            self._roll_back()
            operation.error = StorageUnavailable(f"The task hub can't be written: {error}.")
            operation.error.__cause__ = error

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _settle(batch: list[_Operation]) -> None:
    for operation in batch:
        if operation.future.done():
            continue
        if operation.error is not None:
            operation.future.set_exception(operation.error)
        else:
            operation.future.set_result(operation.result)


__all__ = ["BackendError", "Writer"]
