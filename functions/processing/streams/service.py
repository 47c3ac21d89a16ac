"""Streams as their owners see them: put, described, read, deleted."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from chassis.context import Principal
from chassis.errors import Conflict, InvalidInput, NotFound
from chassis.messaging.partitions import PARTITIONS
from chassis.storage.blobs import Container
from chassis.storage.rows import RowExists
from chassis.work import WorkContext
from functions.processing.repository import DatasetRepository, DatasetRow
from functions.processing.schemas import Dataset
from functions.processing.streams.definition import StreamRequest
from functions.processing.streams.outputs import described, late_prefix
from functions.processing.streams.program import compile_query
from functions.processing.streams.repository import StoredStream, StreamRepository, WindowRepository
from functions.processing.streams.schemas import (
    LatePage,
    Stream,
    StreamList,
    StreamSummary,
    WindowPage,
    WindowView,
)
from functions.processing.streams.times import time_of

LATE_BLOBS_AT_ONCE = 20


class StreamNotFound(NotFound):
    """There is no such stream, or it is another tenant's."""

    code, title = "processing.stream-not-found", "No such stream"


class StreamDiffers(Conflict):
    """There is a stream of that name with another definition."""

    code, title = "processing.stream-differs", "The stream exists with another definition"


class Streams:
    """The streams of all tenants; every method names the tenant."""

    def __init__(
        self,
        streams: StreamRepository,
        windows: WindowRepository,
        states: Container,
        late: Container,
        datasets: DatasetRepository,
    ) -> None:
        self._streams, self._windows = streams, windows
        self._states, self._late, self._datasets = states, late, datasets

    async def put(self, caller: Principal, name: str, request: StreamRequest) -> tuple[Stream, bool]:
        """Make a stream; true when it is new. The same again changes nothing.

        Raises QueryRefused, QueryFailed, and StreamDiffers: a stream's open windows fit its first definition only.
        """
        program = await asyncio.to_thread(compile_query, request)
        stream = StoredStream(caller.tenant, name, uuid4().hex, request, WorkContext.capture(), datetime.now(UTC))
        try:
            await self._streams.add(stream)
        except RowExists:
            stored = await self.require(caller.tenant, name)
            if stored.definition != request:
                raise StreamDiffers(f"delete stream {name} first: its open windows can't be carried over") from None
            await self._ensure_dataset(stored)
            return _described(stored, program.output), False
        await self._ensure_dataset(stream)
        return _described(stream, program.output), True

    async def describe(self, tenant: str, name: str) -> Stream:
        """The stream. Raises StreamNotFound."""
        stream = await self.require(tenant, name)
        return _described(stream, (await asyncio.to_thread(compile_query, stream.definition)).output)

    async def list(self, tenant: str) -> StreamList:
        """All streams of a tenant."""
        found = [StreamSummary(name=item.name, created_at=item.created_at) async for item in self._streams.all(tenant)]
        return StreamList(items=tuple(found))

    async def windows(
        self, tenant: str, name: str, first: datetime | None, last: datetime | None, after: str | None, limit: int
    ) -> WindowPage:
        """Windows whose start is in [first, last). Raises StreamNotFound, InvalidInput."""
        stream = await self.require(tenant, name)
        low = -(10**17) if first is None else time_of(first)
        high = None if last is None else time_of(last)
        rows = await self._windows.page(stream, first=low, last=high, after=_read_token(after), limit=limit + 1)
        items = tuple(WindowView.model_validate(described(result)) for _, result in rows[:limit])
        return WindowPage(items=items, next=_token(rows[limit - 1][0]) if len(rows) > limit else None)

    async def late(self, tenant: str, name: str, after: str | None) -> LatePage:
        """Late messages, those of some checkpoints at a time. Raises StreamNotFound, InvalidInput."""
        stream = await self.require(tenant, name)
        since = _read_token(after)
        items: list[dict[str, object]] = []
        blobs = [blob async for blob in self._late.list(late_prefix(stream)) if since is None or blob > since]
        for blob in blobs[:LATE_BLOBS_AT_ONCE]:
            items += [orjson.loads(line) for line in (await self._late.get(blob) or b"").splitlines()]
        more = len(blobs) > LATE_BLOBS_AT_ONCE
        return LatePage(items=tuple(items), next=_token(blobs[LATE_BLOBS_AT_ONCE - 1]) if more else None)

    async def delete(self, tenant: str, name: str) -> None:
        """Forget the stream, its open windows and its results; a dataset that it filled stays. Raises StreamNotFound.

        Messages that still wait for it become poison.
        """
        stream = await self.require(tenant, name)
        # The states first: should this break off, the stream is still there to be deleted again.
        for partition in range(PARTITIONS):
            await _remove(self._states, stream.prefix(partition) + "/")
        await _remove(self._late, late_prefix(stream))
        await self._windows.forget(stream)
        await self._streams.remove(stream)

    async def require(self, tenant: str, name: str) -> StoredStream:
        """The stored stream. Raises StreamNotFound."""
        stream = await self._streams.get(tenant, name)
        if stream is None:
            raise StreamNotFound(f"there is no stream {name}")
        return stream

    async def _ensure_dataset(self, stream: StoredStream) -> None:
        if stream.definition.sink != "dataset":
            return
        dataset = Dataset(
            id=stream.incarnation,
            name=f"stream {stream.name}",
            format="csv",
            null_values=("",),
            created_at=stream.created_at,
        )
        try:
            await self._datasets.add(stream.tenant, DatasetRow(dataset, fingerprint=stream.incarnation))
        except RowExists:
            return


def _described(stream: StoredStream, columns: tuple[str, ...]) -> Stream:
    return Stream(
        name=stream.name,
        definition=stream.definition,
        created_at=stream.created_at,
        columns=columns,
        dataset=stream.incarnation if stream.definition.sink == "dataset" else None,
    )


async def _remove(container: Container, prefix: str) -> None:
    async for name in container.list(prefix):
        await container.delete(name)


def _token(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read_token(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        raise InvalidInput("the token of the next page is none of ours") from None
