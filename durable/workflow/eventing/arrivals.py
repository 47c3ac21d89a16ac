"""Events as they arrive: each is known by source and id for an hour, and kept for those who are about to listen.

Table `workflowevents`, partition tenant. An event is three rows, written in one transaction:

`d!<key>`                    that it is known, and its arrival
`b!<type>!<arrival>`         the event itself, for listeners that open within KEPT
`p!<arrival>`                it has not been delivered to everyone yet; a crash leaves this row behind
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock

from chassis.errors import NotFound
from chassis.models import Contract
from chassis.storage.rows import Change, Insert, Row, RowExists, Upsert
from chassis.storage.tables import Table
from durable.workflow.eventing.cloudevents import Envelope, event_key
from durable.workflow.eventing.filters import takes
from durable.workflow.eventing.index import type_key
from durable.workflow.eventing.subscriptions import Delivered, Subscription
from durable.workflow.expressions import Evaluator

TABLE = "workflowevents"
KEPT = timedelta(minutes=5)
"""How long an event is kept for listeners that open after it came."""

KNOWN = timedelta(hours=1)
"""How long the same source and id is the same event."""

LOOKED_AT = 1_000
"""An opening listener looks at so many events of each type, the oldest first."""

AT_ONCE = 30
"""Events of one transaction: three rows each, of 100."""

_FORMAT = "%Y%m%dT%H%M%S%f"


class Arrival(Contract):
    """An event with its place in the order of arrival. `cursor`: how far its delivery has come."""

    key: str
    stamp: str
    event: Envelope
    cursor: str | None = None

    @property
    def delivered(self) -> Delivered:
        """As listeners get it."""
        return Delivered(key=self.key, event=self.event)


class _Stamps:
    """Times of arrival, each later than the one before."""

    def __init__(self) -> None:
        self._lock, self._last = Lock(), datetime.min.replace(tzinfo=UTC)

    def next(self) -> str:
        with self._lock:
            self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
            return f"{self._last:{_FORMAT}}"


_stamps = _Stamps()


class ArrivalStore:
    """The events of all tenants; every method names the tenant it acts for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def accept(self, tenant: str, events: Sequence[Envelope]) -> list[Arrival]:
        """Store events in their order; gives those that are still to be delivered, one known before only if it is.

        Once this returns no event is lost: what is not delivered, `left_over` finds.
        """
        pending: list[Arrival] = []
        for start in range(0, len(events), AT_ONCE):
            pending += await self._accept(tenant, events[start : start + AT_ONCE])
        return pending

    def done(self, tenant: str, arrival: Arrival) -> None:
        """It was delivered to everyone who wants it; soon nothing is left over of it."""
        self._table.remove_soon(tenant, f"p!{arrival.stamp}")

    async def remember(self, tenant: str, arrival: Arrival, cursor: str) -> None:
        """Note how far the delivery has come."""
        await self._table.upsert(tenant, f"p!{arrival.stamp}", {**_pending(arrival), "cursor": cursor})

    async def since(self, tenant: str, types: Sequence[str | None], moment: datetime) -> list[Arrival]:
        """Events of the types (None: of every type) that came after the moment and are kept, oldest first."""
        oldest = f"{max(moment, datetime.now(UTC) - KEPT):{_FORMAT}}"
        found: dict[str, Arrival] = {}
        for type in dict.fromkeys(types):
            if type is None:
                rows = self._table.query(
                    tenant, prefix="b!", where="stamp ge @oldest", parameters={"oldest": oldest}, limit=LOOKED_AT
                )
            else:
                prefix = f"b!{type_key(type)}!"
                rows = self._table.query(tenant, prefix=prefix, after=f"{prefix}{oldest}", limit=LOOKED_AT)
            found |= {row["stamp"]: _arrival(row) async for row in rows}
        return [found[stamp] for stamp in sorted(found)]

    async def left_over(self, before: datetime) -> AsyncIterator[tuple[str, Arrival]]:
        """(tenant, event) of what arrived before the moment and is not delivered, over all tenants."""
        bound = {"before": f"{before:{_FORMAT}}"}
        rows = [row async for row in self._table.query(prefix="p!", where="stamp lt @before", parameters=bound)]
        for row in rows:
            event = await self._table.get(row.partition, f"b!{row['type']}!{row['stamp']}")
            if event is None:  # it was kept for longer than anything is retried
                await self._table.delete(row.partition, row.key)
            else:
                yield row.partition, _arrival(event).model_copy(update={"cursor": row.get("cursor")})

    async def sweep(self, now: datetime) -> int:
        """Remove what is no longer kept or known; gives how many rows."""
        swept = 0
        for prefix, age in (("b!", KEPT), ("d!", KNOWN)):
            bound = {"oldest": f"{now - age:{_FORMAT}}"}
            rows = self._table.query(prefix=prefix, where="stamp lt @oldest", parameters=bound, limit=LOOKED_AT)
            for partition, key in [(row.partition, row.key) async for row in rows]:
                self._table.remove_soon(partition, key)
                swept += 1
        return swept

    async def _accept(self, tenant: str, events: Sequence[Envelope]) -> list[Arrival]:
        arrivals = [Arrival(key=event_key(event), stamp=_stamps.next(), event=event) for event in events]
        unique = list({arrival.key: arrival for arrival in reversed(arrivals)}.values())[::-1]
        changes: list[Change] = [change for arrival in unique for change in _rows(arrival)]
        try:
            await self._table.commit(tenant, changes)
            return unique
        except RowExists:
            if len(unique) > 1:
                return [known for event in unique for known in await self._accept(tenant, [event.event])]
        return await self._known(tenant, unique[0])

    async def _known(self, tenant: str, arrival: Arrival) -> list[Arrival]:
        known = await self._table.get(tenant, f"d!{arrival.key}")
        if known is None:
            raise NotFound("the event was forgotten this moment; send it again")
        pending = await self._table.get(tenant, f"p!{known['stamp']}")
        if pending is None:
            return []
        return [arrival.model_copy(update={"stamp": known["stamp"], "cursor": pending.get("cursor")})]


async def missed(
    arrivals: ArrivalStore, evaluator: Evaluator, tenant: str, subscription: Subscription
) -> list[Arrival]:
    """What a listener that has just opened wants of the events that are kept, oldest first."""
    since = datetime.fromisoformat(subscription.since)
    kept = await arrivals.since(tenant, [test.type for test in subscription.tests], since)
    new = [arrival for arrival in kept if arrival.key not in subscription.skip]
    if not new:
        return []
    return await asyncio.to_thread(
        lambda: [item for item in new if any(takes(evaluator, test, item.event) for test in subscription.tests)]
    )


def _rows(arrival: Arrival) -> list[Change]:
    key = type_key(arrival.event["type"])
    kept = {"stamp": arrival.stamp, "event": arrival.model_dump_json().encode()}
    return [
        Insert(f"d!{arrival.key}", {"stamp": arrival.stamp}),
        Upsert(f"b!{key}!{arrival.stamp}", kept),
        Upsert(f"p!{arrival.stamp}", _pending(arrival)),
    ]


def _pending(arrival: Arrival) -> dict[str, str]:
    return {"stamp": arrival.stamp, "type": type_key(arrival.event["type"])}


def _arrival(row: Row) -> Arrival:
    return Arrival.model_validate_json(row["event"])
