"""Collects what arrives at the same time into one append per tenant, and hands out the result."""

import asyncio
import random
from collections.abc import Iterable

from chassis.errors import PlatformError
from functions.audit.entry import Entry
from functions.audit.errors import LogBusy
from functions.audit.repository import MAX_ENTRIES, AppendLost, LogRepository
from functions.audit.tiles import TreeHead

COLLECT_S = 0.004
"""How long the first of a batch waits for others: little beside one storage transaction."""

MAX_ATTEMPTS = 12
Waiting = tuple[Entry, asyncio.Future[None]]
MAX_BACKOFF_S = 0.5


class TenantAppender:
    """Appends to one tenant's log, one transaction at a time; safe beside appenders in other processes."""

    def __init__(self, tenant: str, repository: LogRepository) -> None:
        self._tenant = tenant
        self._repository = repository
        self._waiting: list[Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._head: TreeHead | None = None

    async def append(self, entry: Entry) -> None:
        """Return when the entry is committed, now or earlier.

        Raises LogBusy when others kept appending first, and what storage raises.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        await asyncio.sleep(COLLECT_S)
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_ENTRIES], self._waiting[MAX_ENTRIES:]
            error = await self._try(batch)
            if error is None or isinstance(error, PlatformError):
                _settle(batch, error)
                continue
            for alone in batch:  # so that one event that storage refuses does not take the others with it
                _settle([alone], await self._try([alone]))

    async def _try(self, batch: list[Waiting]) -> Exception | None:
        try:
            await self._append_all(distinct(entry for entry, _ in batch))
        except Exception as error:  # noqa: BLE001 - handed to every waiting trigger, which reports it
            self._head = None
            return error
        return None

    async def _append_all(self, entries: list[Entry]) -> None:
        for attempt in range(MAX_ATTEMPTS):
            if self._head is None:
                self._head = (await self._repository.head(self._tenant)).tree
            try:
                self._head = await self._repository.append(self._head, entries)
                return
            except AppendLost:
                self._head = None
            known = await self._repository.known(self._tenant, [entry.event_key for entry in entries])
            entries = [entry for entry in entries if entry.event_key not in known]
            if not entries:
                return
            await asyncio.sleep(random.uniform(0, min(MAX_BACKOFF_S, 0.01 * 2**attempt)))  # noqa: S311 - jitter
        raise LogBusy(f"the log of {self._tenant} was always appended to by others first")


class Appender:
    """The appenders of all tenants in this process."""

    def __init__(self, repository: LogRepository) -> None:
        self._repository = repository
        self._tenants: dict[str, TenantAppender] = {}

    async def append(self, entry: Entry) -> None:
        """Return when the entry is committed to its tenant's log; the same event again changes nothing."""
        if entry.tenant not in self._tenants:
            self._tenants[entry.tenant] = TenantAppender(entry.tenant, self._repository)
        await self._tenants[entry.tenant].append(entry)


def distinct(entries: Iterable[Entry]) -> list[Entry]:
    """The entries without repeated events, in order."""
    return list({entry.event_key: entry for entry in entries}.values())


def _settle(batch: list[Waiting], error: Exception | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
