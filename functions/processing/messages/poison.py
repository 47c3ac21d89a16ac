"""Poison: messages that could not be done, whole, with the reason, until someone replays or discards them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from chassis.errors import NotFound
from chassis.http.paging import key_of, token_of
from chassis.messaging.envelope import EnvelopeMessage
from chassis.messaging.producer import Producer
from chassis.storage.blobs import Container
from chassis.storage.keys import encode_key
from chassis.storage.rows import Change
from chassis.storage.tables import Row, Table, Upsert
from chassis.work import WorkContext
from functions.processing.errors import BadPageToken
from functions.processing.messages.processors import Poisoned
from functions.processing.messages.schemas import PoisonMessage, PoisonPage

MAX_IN_ROW = 30_000
MAX_REASON_CHARS = 2_000
_ROWS_AT_ONCE = 100


class PoisonNotFound(NotFound):
    """There is no such poison message, or it is another tenant's, or it was replayed."""

    code, title = "processing.poison-not-found", "No such poison message"


class PoisonStore:
    """Rows by tenant; the id follows from target and message id, so that a message is there once."""

    def __init__(self, table: Table, bodies: Container) -> None:
        self._table, self._bodies = table, bodies

    async def keep(self, target: str, poisoned: Sequence[Poisoned], work: WorkContext) -> None:
        """Store messages. May be repeated."""
        # One row per id: a transaction takes no row twice.
        changes = {_id(target, item.message.id): await self._row(target, item, work) for item in poisoned}
        rows: list[Change] = [Upsert(id, values) for id, values in changes.items()]
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            await self._table.commit(work.tenant, rows[at : at + _ROWS_AT_ONCE])

    async def page(self, tenant: str, limit: int, after: str | None) -> PoisonPage:
        """A page in order of the ids. Raises BadPageToken."""
        rows = [row async for row in self._table.query(tenant, after=key_of(after, BadPageToken), limit=limit + 1)]
        items = [await self._described(row) for row in rows[:limit]]
        return PoisonPage(items=tuple(items), next=token_of(rows[limit - 1].key) if len(rows) > limit else None)

    async def get(self, tenant: str, id: str) -> PoisonMessage:
        """One message. Raises PoisonNotFound."""
        return await self._described(await self._require(tenant, id))

    async def replay(self, tenant: str, id: str, producer: Producer) -> None:
        """Send it again as it was, then forget it here. May be repeated: its id keeps a copy from counting."""
        row = await self._require(tenant, id)
        work = WorkContext(tenant=tenant, subject=row["subject"], correlation_id=row.get("correlation"))
        sent = await producer.send(row["target"], await self._data(row), key=row["key"], id=row["message"], work=work)
        await sent
        await self.discard(tenant, id)

    async def discard(self, tenant: str, id: str) -> None:
        """Forget it. Raises PoisonNotFound."""
        row = await self._require(tenant, id)
        await self._table.delete(tenant, id)
        if row.get("blob"):
            await self._bodies.delete(row["blob"])

    async def _require(self, tenant: str, id: str) -> Row:
        row = await self._table.get(tenant, id)
        if row is None:
            raise PoisonNotFound(f"there is no poison message {id}")
        return row

    async def _row(self, target: str, item: Poisoned, work: WorkContext) -> dict[str, Any]:
        body = orjson.dumps(item.message.data)
        blob = None
        if len(body) > MAX_IN_ROW:
            blob = f"{encode_key(work.tenant)}/{_id(target, item.message.id)}"
            await self._bodies.put(blob, body, content_type="application/json")
        return {
            "target": target,
            "message": item.message.id,
            "key": item.message.key,
            "reason": item.reason[:MAX_REASON_CHARS],
            "time": datetime.now(UTC),
            "subject": work.subject,
            "correlation": work.correlation_id,
            "data": None if blob else body,
            "blob": blob,
        }

    async def _data(self, row: Row) -> Any:
        body = row.get("data")
        if body is None:
            body = await self._bodies.get(row["blob"])
        if body is None:
            raise PoisonNotFound(f"the content of poison message {row.key} is gone")
        return orjson.loads(body)

    async def _described(self, row: Row) -> PoisonMessage:
        return PoisonMessage(
            id=row.key,
            target=row["target"],
            message_id=row["message"],
            key=row["key"],
            reason=row["reason"],
            time=row["time"].astimezone(UTC),
            data=await self._data(row),
        )


def of_unreadable(content: str, id: str, problem: str) -> Poisoned:
    """A queue message that is no envelope, kept as it stands on the queue."""
    return Poisoned(EnvelopeMessage(id, "", {"content": content}), problem)


def _id(target: str, message: str) -> str:
    return blake2b(f"{target}\n{message}".encode(), digest_size=16).hexdigest()
