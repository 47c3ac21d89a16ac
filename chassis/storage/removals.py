"""Rows that nobody needs any more: removed a little later, many of a partition in one transaction.

For rows whose owner finds and removes them again after a crash: an event's that was published, a start's that was made.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from chassis.errors import PlatformError

if TYPE_CHECKING:
    from chassis.storage.tables import Table

LINGER_S = 0.25
"""How long the first row of a partition waits for others."""

MAX_ROWS = 100
"""Rows of one entity group transaction (Azure Table Storage)."""

log = logging.getLogger(__name__)


class Removals:
    """What is to be removed from the tables of one storage account."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[str]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._hurry: asyncio.Event | None = None

    def soon(self, table: "Table", partition: str, keys: list[str]) -> None:
        """Remove these rows, given by their stored keys; one that is gone by then is no error. Never raises."""
        if not keys:
            return
        place = (table.name, partition)
        self._waiting.setdefault(place, []).extend(keys)
        if len(self._waiting[place]) > len(keys):
            return  # others wait already
        task = asyncio.get_running_loop().create_task(self._remove(table, place))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Remove what waits, without lingering."""
        while self._running:
            self._hurried.set()
            await asyncio.gather(*self._running)
        self._hurry = None

    @property
    def _hurried(self) -> asyncio.Event:
        self._hurry = self._hurry or asyncio.Event()
        return self._hurry

    async def _remove(self, table: "Table", place: tuple[str, str]) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                await self._hurried.wait()
        except TimeoutError:
            pass
        keys = self._waiting.pop(place)
        try:
            for first in range(0, len(keys), MAX_ROWS):
                await table.remove_stored(place[1], keys[first : first + MAX_ROWS])
        except PlatformError as error:
            log.warning("%d rows stay in %s for now: %s", len(keys), table.name, error)
