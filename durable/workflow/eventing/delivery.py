"""Delivers events: finds the listeners that want one and hands it to each, once in effect.

What a listener gets twice its instance knows by the event's key; what it was not given before a crash it is given
again, because the event stays pending until everyone has it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from durable.workflow.eventing.arrivals import Arrival, ArrivalStore
from durable.workflow.eventing.filters import takes
from durable.workflow.eventing.index import places_for
from durable.workflow.eventing.subscriptions import SubscriptionStore, Wanting, wake_name
from durable.workflow.expressions import Evaluator

AT_ONCE = 16
IN_ONE_GO = 500
"""After so many listeners the rest waits for the next round, so that one event holds no request up."""


class Waker(Protocol):
    """The part of the durable orchestration client that is used."""

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        """Raise an event. Raises an exception for an unknown or ended instance."""


Start = Callable[[str, Wanting, Arrival, Waker], Awaitable[None]]
"""Hands an event (tenant, listener, arrival) to a schedule. May be repeated."""


class Delivery:
    """Hands events to the listeners of their tenant."""

    def __init__(
        self, subscriptions: SubscriptionStore, arrivals: ArrivalStore, evaluator: Evaluator, start: Start
    ) -> None:
        self._subscriptions, self._arrivals = subscriptions, arrivals
        self._evaluator, self._start = evaluator, start

    async def deliver(self, tenant: str, arrival: Arrival, client: Waker) -> int:
        """Hand the event to everyone who wants it; gives how many did. May be repeated."""
        wanting, cursor = await self._wanting(tenant, arrival)
        for first in range(0, len(wanting), AT_ONCE):
            group = wanting[first : first + AT_ONCE]
            await asyncio.gather(*(self._hand_over(tenant, listener, arrival, client) for listener in group))
        if cursor is not None:
            await self._arrivals.remember(tenant, arrival, cursor)
        else:
            self._arrivals.done(tenant, arrival)
        return len(wanting)

    async def _wanting(self, tenant: str, arrival: Arrival) -> tuple[list[Wanting], str | None]:
        """Who wants the event, from its cursor on; and where to go on when there are too many for one go."""
        shapes = await self._subscriptions.shapes(tenant, arrival.event["type"])
        if not shapes:
            return [], None
        prefixes = await asyncio.to_thread(places_for, self._evaluator, arrival.event, shapes)
        found = [item async for item in self._subscriptions.under(tenant, prefixes, arrival.cursor)]
        now, more = found[:IN_ONE_GO], len(found) > IN_ONE_GO
        wanting = await asyncio.to_thread(lambda: [item for item in now if self._fits(item.tests, arrival)])
        return wanting, f"{now[-1].owner}!{now[-1].id}" if more else None

    def _fits(self, tests: Any, arrival: Arrival) -> bool:
        return any(takes(self._evaluator, test, arrival.event) for test in tests)

    async def _hand_over(self, tenant: str, listener: Wanting, arrival: Arrival, client: Waker) -> None:
        if listener.mode == "start":
            await self._start(tenant, listener, arrival, client)
            return
        wake, given = 1, arrival.delivered.model_dump(mode="json")
        if listener.mode == "stream":
            name = f"{listener.owner}!{listener.id}"
            wake = await self._subscriptions.keep(tenant, name, arrival.stamp, arrival.delivered)
            given = {}
            if not wake:  # it has closed meanwhile
                await self._subscriptions.empty(tenant, name)
                return
        try:
            await client.raise_event(listener.owner, wake_name(listener.id, wake), given)
        except Exception as error:
            if not is_gone(error):
                raise
            await self._subscriptions.forget(tenant, f"{listener.owner}!{listener.id}", listener.keys)


def is_gone(error: Exception) -> bool:
    """Whether the client says that the instance has ended or is not known; it has no type of its own for that."""
    return "is gone" in str(error) or "No instance with ID" in str(error)
