"""Streams as their owners see them: put, described, read, deleted."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from pydantic import ValidationError

from chassis.context import Principal
from chassis.errors import Conflict, NotFound, RemoteError, Unprocessable
from chassis.http.paging import key_of, token_of
from chassis.messaging.partitions import PARTITIONS
from chassis.storage.blobs import Container
from chassis.storage.rows import RowExists
from chassis.work import WorkContext
from functions.processing.errors import BadPageToken, SourceNotUsable
from functions.processing.metadata import Metadata
from functions.processing.repository import DatasetRepository, DatasetRow
from functions.processing.schemas import Dataset, SchemaReference
from functions.processing.streams.definition import FIELD_NAME, StreamDefinition, StreamRequest
from functions.processing.streams.outputs import described, late_prefix
from functions.processing.streams.program import compile_query
from functions.processing.streams.record_schema import fields_of
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
MAX_DEFINITION_BYTES = 60_000
"""A table's column takes 65,536 bytes."""


class StreamNotFound(NotFound):
    """There is no such stream, or it is another tenant's."""

    code, title = "processing.stream-not-found", "No such stream"


class StreamDiffers(Conflict):
    """There is a stream of that name with another definition."""

    code, title = "processing.stream-differs", "The stream exists with another definition"


class StreamUnfit(Unprocessable):
    """Parts of a stream's definition do not go together; the detail names them."""

    code, title = "processing.stream-unfit", "The stream's definition does not fit together"


class Streams:
    """The streams of all tenants; every method names the tenant."""

    def __init__(
        self,
        streams: StreamRepository,
        windows: WindowRepository,
        states: Container,
        late: Container,
        datasets: DatasetRepository,
        metadata: Metadata,
    ) -> None:
        self._streams, self._windows = streams, windows
        self._states, self._late, self._datasets = states, late, datasets
        self._metadata = metadata

    async def put(self, caller: Principal, name: str, request: StreamRequest) -> tuple[Stream, bool]:
        """Make a stream; true when it is new. The same again changes nothing.

        Raises QueryRefused, QueryFailed, StreamUnfit, SourceNotUsable for a schema that metadata does not have, and
        StreamDiffers: a stream's open windows fit its first definition only.
        """
        definition = await self._definition(request)
        program = await asyncio.to_thread(compile_query, definition)
        stream = StoredStream(caller.tenant, name, uuid4().hex, definition, WorkContext.capture(), datetime.now(UTC))
        try:
            await self._streams.add(stream)
        except RowExists:
            stored = await self.require(caller.tenant, name)
            if not _is_same(stored.definition, definition):
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
        """Windows whose start is in [first, last). Raises StreamNotFound, BadPageToken."""
        stream = await self.require(tenant, name)
        low = -(10**17) if first is None else time_of(first)
        high = None if last is None else time_of(last)
        rows = await self._windows.page(
            stream, first=low, last=high, after=key_of(after, BadPageToken), limit=limit + 1
        )
        items = tuple(WindowView.model_validate(described(result)) for _, result in rows[:limit])
        return WindowPage(items=items, next=token_of(rows[limit - 1][0]) if len(rows) > limit else None)

    async def late(self, tenant: str, name: str, after: str | None) -> LatePage:
        """Late messages, those of some checkpoints at a time. Raises StreamNotFound, BadPageToken."""
        stream = await self.require(tenant, name)
        since = key_of(after, BadPageToken)
        items: list[dict[str, object]] = []
        blobs = [blob async for blob in self._late.list(late_prefix(stream)) if since is None or blob > since]
        for blob in blobs[:LATE_BLOBS_AT_ONCE]:
            items += [orjson.loads(line) for line in (await self._late.get(blob) or b"").splitlines()]
        more = len(blobs) > LATE_BLOBS_AT_ONCE
        return LatePage(items=tuple(items), next=token_of(blobs[LATE_BLOBS_AT_ONCE - 1]) if more else None)

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

    async def _definition(self, request: StreamRequest) -> StreamDefinition:
        values = request.model_dump(by_alias=True, exclude={"schema_"})
        if not isinstance(request.schema_, SchemaReference):
            return _definition({**values, "schema": request.schema_})
        asked = request.schema_
        try:
            reference, document = await self._metadata.schema(asked)
        except RemoteError as error:
            if error.remote_status != 404:
                raise
            raise SourceNotUsable(f"metadata has no schema {asked.name}, version {asked.version}") from None
        fields = fields_of(document)
        required = {*values["required"], *(name for name in document.get("required") or () if name in fields)}
        return _definition(
            {
                **values,
                "schema": {name: kind for name, kind in fields.items() if FIELD_NAME.fullmatch(name)},
                "required": sorted(required),
                "reference": reference,
                "askedVersion": asked.version,
                "document": document,
            }
        )

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


def _definition(values: dict[str, Any]) -> StreamDefinition:
    try:
        definition = StreamDefinition.model_validate(values)
    except ValidationError as error:
        raise StreamUnfit("; ".join(item["msg"].removeprefix("Value error, ") for item in error.errors())) from None
    if len(definition.model_dump_json(by_alias=True).encode()) > MAX_DEFINITION_BYTES:
        raise StreamUnfit(f"with its schema the stream has more than {MAX_DEFINITION_BYTES:,} bytes")
    return definition


def _is_same(stored: StreamDefinition, put: StreamDefinition) -> bool:
    """Whether two requests were the same; "latest" stays the version that it was when the stream was made."""
    if stored.reference is None or put.reference is None or stored.asked_version != "latest":
        return stored == put
    derived = {"schema_", "required", "reference", "document"}
    return stored.reference.name == put.reference.name and stored.model_dump(exclude=derived) == put.model_dump(
        exclude=derived
    )


def _described(stream: StoredStream, columns: tuple[str, ...]) -> Stream:
    return Stream(
        name=stream.name,
        definition=stream.definition.model_copy(update={"document": None}),
        created_at=stream.created_at,
        columns=columns,
        dataset=stream.incarnation if stream.definition.sink == "dataset" else None,
    )


async def _remove(container: Container, prefix: str) -> None:
    async for name in container.list(prefix):
        await container.delete(name)
