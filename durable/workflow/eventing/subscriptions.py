"""What is stored of listeners: the rows by which an event finds them, and the events kept for those that take many.

The rows lie in the table and partition of the instances, so that a listener and its instance's state are written in one
transaction. Row keys, below the tenant:

`s!<type>!<shape>!<value>!<listener>!<number>`  one test of a listener (a listener is `<owner>!<id>`)
`w!<listener>`                                  which wake-up a listener that takes many events waits for
`q!<listener>!<arrival>`                        an event kept for such a listener until it has been taken

Table `workflowtypes`, partition tenant, key the event type's: the shapes that tests of the type have; never removed. It
is read whole, often, and so lies apart from what grows with the instances.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import Literal

from chassis.errors import Unprocessable
from chassis.models import Contract
from chassis.storage.rows import Change, Row, RowChanged, RowExists, Upsert
from chassis.storage.tables import Table
from durable.workflow.eventing.cloudevents import Envelope
from durable.workflow.eventing.filters import EventTest
from durable.workflow.eventing.index import ANY_TYPE, Shape, place_of, type_key

TYPES = "workflowtypes"
MAX_SHAPES = 200
"""So many different ways of telling events of one type apart may a tenant's definitions have."""

TAKEN_AT_ONCE, TAKEN_BYTES = 20, 100_000
"""So much goes into the history of an instance at once."""

SETTLE_S = 1.0
"""For so long a process may go on believing that a tenant listens to no other types, in no other ways."""

Mode = Literal["first", "stream", "start"]


class TooManyShapes(Unprocessable):
    """A tenant's listeners tell events of one type apart in too many ways."""

    code, title = "workflow.too-many-correlations", "Events of this type are correlated in too many ways"


class Subscription(Contract):
    """A listener with its tests. `skip` are keys of events that its instance has had, `since` how old events may be."""

    id: str
    owner: str
    mode: Mode
    tests: tuple[EventTest, ...]
    since: str = ""
    skip: tuple[str, ...] = ()

    @property
    def listener(self) -> str:
        """The listener's name in keys."""
        return f"{self.owner}!{self.id}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all rows that end with the listener."""
        own = (f"w!{self.listener}",) if self.mode == "stream" else ()
        return (*(_test_key(self, number, test) for number, test in enumerate(self.tests)), *own)


class Delivered(Contract):
    """An event on its way to a listener; `key` is its identity."""

    key: str
    event: Envelope


class Wanting(Contract):
    """A listener that may want an event, with those of its tests that were found."""

    owner: str
    id: str
    mode: Mode
    tests: tuple[EventTest, ...]
    keys: tuple[str, ...]


def wake_name(id: str, number: int) -> str:
    """The external event that wakes a listener; every wait has a name of its own, for the SDK never forgets one."""
    return f"listen:{id}:{number}"


def opening(subscription: Subscription) -> list[Change]:
    """The rows of a new listener, for the transaction that writes its instance's state."""
    rows: list[Change] = [
        Upsert(
            _test_key(subscription, number, test),
            {
                "test": test.model_dump_json(exclude_defaults=True),
                "owner": subscription.owner,
                "listener": subscription.id,
                "mode": subscription.mode,
            },
        )
        for number, test in enumerate(subscription.tests)
    ]
    return rows + ([Upsert(f"w!{subscription.listener}", {"wake": 1})] if subscription.mode == "stream" else [])


class SubscriptionStore:
    """The listeners of all tenants; every method names the tenant it acts for."""

    def __init__(self, table: Table, types: Table) -> None:
        self._table = table
        self._types = types

    async def announce(self, tenant: str, tests: Iterable[EventTest]) -> None:
        """Note the types and shapes of tests, before a listener with them is opened. May be repeated.

        After it no process overlooks events of these types any more. Raises TooManyShapes.
        """
        shapes: dict[str, list[Shape]] = {}
        for place in map(place_of, tests):
            shapes.setdefault(place.type_key, []).append(place.shape)
        added = [await self._announce(tenant, key, wanted) for key, wanted in shapes.items()]
        if any(added):
            await asyncio.sleep(SETTLE_S)

    async def wanted(self, tenant: str, type: str) -> bool:
        """Whether the tenant has ever listened to the type; what is not wanted need not be kept or matched.

        A denial may be as old as SETTLE_S, which `announce` waits for.
        """
        keys = (type_key(type), ANY_TYPE)
        return any((tenant, key) in _known for key in keys) or bool(await self.shapes(tenant, type))

    async def shapes(self, tenant: str, type: str) -> dict[str, list[Shape]]:
        """The shapes to look under, by type key; a key that nobody ever listened to is absent.

        What is not among them may have been announced since, but no longer ago than SETTLE_S.
        """
        until, announced = _announced.get(tenant, (0.0, {}))
        if until < monotonic():
            asked = monotonic()
            announced = {row.key: _shapes(row) async for row in self._types.query(tenant)}
            _remember(tenant, asked + SETTLE_S, announced)
        return {key: announced[key] for key in (type_key(type), ANY_TYPE) if key in announced}

    async def under(self, tenant: str, prefixes: list[str], after: str | None) -> AsyncIterator[Wanting]:
        """The listeners whose rows lie under the prefixes, in the order of the first of their keys, those after it."""
        found: dict[str, list[Row]] = {}
        for prefix in prefixes:  # one range each: two ranges in one filter would be a scan of the partition
            async for row in self._table.query(tenant, prefix=prefix):
                found.setdefault(f"{row['owner']}!{row['listener']}", []).append(row)
        for name in sorted(found):
            if after is None or name > after:
                yield _wanting(found[name])

    async def keep(self, tenant: str, listener: str, arrival: str, delivered: Delivered) -> int:
        """Keep an event for a listener that takes many; gives the wake-up it waits for. May be repeated."""
        values = {"event": delivered.model_dump_json().encode()}
        await self._table.upsert(tenant, f"q!{listener}!{arrival}", values)
        row = await self._table.get(tenant, f"w!{listener}")
        return int(row["wake"]) if row is not None else 0

    async def take(self, tenant: str, listener: str, wake: int, done: Iterable[str]) -> dict[str, Delivered]:
        """Remove what was taken before, then give the next events by their arrival, in that order; may be repeated.

        What arrives after this has looked finds the new wake-up and raises that.
        """
        await self._table.upsert(tenant, f"w!{listener}", {"wake": wake})
        await asyncio.gather(*(self._table.delete(tenant, f"q!{listener}!{arrival}") for arrival in done))
        prefix = f"q!{listener}!"
        taken: dict[str, Delivered] = {}
        size = 0
        async for row in self._table.query(tenant, prefix=prefix, limit=TAKEN_AT_ONCE):
            size += len(row["event"])
            if taken and size > TAKEN_BYTES:
                break
            taken[row.key.removeprefix(prefix)] = Delivered.model_validate_json(row["event"])
        return taken

    async def open(self, tenant: str, subscription: Subscription) -> None:
        """Write a listener that is no instance's. May be repeated."""
        await self.announce(tenant, subscription.tests)
        if rows := opening(subscription):
            await self._table.commit(tenant, rows)

    async def forget(self, tenant: str, listener: str, keys: Iterable[str]) -> None:
        """Remove what is left of a listener that is gone. May be repeated."""
        for key in (*keys, f"w!{listener}"):
            await self._table.delete(tenant, key)
        await self.empty(tenant, listener)

    async def empty(self, tenant: str, listener: str) -> None:
        """Remove the events kept for a listener. May be repeated."""
        kept = [row.key async for row in self._table.query(tenant, prefix=f"q!{listener}!")]
        for key in kept:
            await self._table.delete(tenant, key)

    async def _announce(self, tenant: str, key: str, wanted: list[Shape]) -> bool:
        """Add what is not there; True when anything was."""
        while not set(wanted) <= _known.get((tenant, key), set()):
            row = await self._types.get(tenant, key)
            there = [] if row is None else _shapes(row)
            merged = list(dict.fromkeys([*there, *wanted]))
            if len(merged) > MAX_SHAPES:
                raise TooManyShapes(f"events of one type are told apart in more than {MAX_SHAPES} ways")
            values = {"shapes": json.dumps([shape.model_dump(mode="json") for shape in merged])}
            try:
                if row is None:
                    await self._types.insert(tenant, key, values)
                elif merged != there:
                    await self._types.replace(tenant, key, values, row.etag)
            except (RowExists, RowChanged):
                continue
            _known[(tenant, key)] = set(merged)
            return merged != there
        return False


_known: dict[tuple[str, str], set[Shape]] = {}
"""Shapes that this process has seen stored; they are never removed."""

_announced: dict[str, tuple[float, dict[str, list[Shape]]]] = {}
"""The types that each tenant listens to, with their shapes, and until when it is believed that there are no others."""


def _remember(tenant: str, until: float, announced: dict[str, list[Shape]]) -> None:
    if len(_announced) > 1_000:
        _announced.clear()
    _announced[tenant] = (until, announced)


def _shapes(row: Row) -> list[Shape]:
    return [Shape.model_validate(item) for item in json.loads(row["shapes"])]


def _test_key(subscription: Subscription, number: int, test: EventTest) -> str:
    return f"{place_of(test).prefix}{subscription.listener}!{number:03d}"


def _wanting(rows: list[Row]) -> Wanting:
    return Wanting(
        owner=rows[0]["owner"],
        id=rows[0]["listener"],
        mode=rows[0]["mode"],
        tests=tuple(EventTest.model_validate_json(row["test"]) for row in rows),
        keys=tuple(row.key for row in rows),
    )
