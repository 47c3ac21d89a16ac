"""The part of chassis.storage.tables.Table that identity uses, so that tests can bring their own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from chassis.messaging.events import Event
from chassis.storage.rows import Change, Row


class Table(Protocol):
    """One table; what each method raises is said in chassis/storage/tables.py."""

    async def get(self, partition: str, key: str) -> Row | None: ...

    async def commit(self, partition: str, changes: Sequence[Change], events: Sequence[Event] = ()) -> None: ...

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None: ...

    def query(
        self,
        partition: str | None = None,
        *,
        prefix: str | None = None,
        after: str | None = None,
        where: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]: ...
