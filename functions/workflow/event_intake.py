"""Takes events in: stored first, then delivered in their order; what a crash leaves undelivered is delivered later."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from chassis.errors import PlatformError
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.tasks import CallAsyncApi, ListenTask, Task
from durable.workflow.dsl.texts import is_runtime_expression
from durable.workflow.dsl.topic import as_event_task
from durable.workflow.dsl.walk import every_task
from durable.workflow.eventing.arrivals import ArrivalStore
from durable.workflow.eventing.cloudevents import Envelope
from durable.workflow.eventing.delivery import Delivery, Waker
from durable.workflow.eventing.filters import EventTest, resolve
from durable.workflow.eventing.gathering import filters_of, tests_for
from durable.workflow.eventing.subscriptions import SubscriptionStore

if TYPE_CHECKING:
    from functions.workflow.schedules import Schedules

log = logging.getLogger(__name__)

DELIVERY_GRACE = timedelta(seconds=10)
"""An event younger than this belongs to the request that brought it."""

SWEEP_EVERY_S = 60.0


class Intake:
    """The events of all tenants; every method names the tenant it acts for."""

    def __init__(self, subscriptions: SubscriptionStore, arrivals: ArrivalStore, delivery: Delivery) -> None:
        self._subscriptions, self._arrivals, self._delivery = subscriptions, arrivals, delivery

    async def accept(self, tenant: str, events: Sequence[Envelope], client: Waker) -> int:
        """Take events in; gives how many are new and listened to. May be repeated.

        Once this returns nothing is lost. Events of types that the tenant has never listened to are let go.
        """
        wanted = [event for event in events if await self._subscriptions.wanted(tenant, event["type"])]
        if not wanted:
            return 0
        pending = await self._arrivals.accept(tenant, wanted)
        for arrival in pending:
            try:
                await self._delivery.deliver(tenant, arrival, client)
            except Exception as error:  # noqa: BLE001 - it is stored; `recover` goes on with it
                log.warning("event %s is not delivered yet: %s", arrival.key, error)
        return len(pending)

    async def announce(self, tenant: str, definition: Definition) -> None:
        """Note what a definition's tasks listen to, so that events that come just before they do are kept."""
        await self._subscriptions.announce(tenant, list(listened_to(definition)))

    async def recover(self, client: Waker) -> int:
        """Deliver what was left over; gives how many events that were."""
        count = 0
        async for tenant, arrival in self._arrivals.left_over(datetime.now(UTC) - DELIVERY_GRACE):
            try:
                await self._delivery.deliver(tenant, arrival, client)
                count += 1
            except Exception as error:  # noqa: BLE001 - one event must not hold up the others
                log.warning("event %s is still not delivered: %s", arrival.key, error)
        return count


class Sweeper:
    """Removes events that are no longer kept, now and then; when it last did is lost with the process."""

    def __init__(self) -> None:
        self._next = 0.0

    async def go_on(self, arrivals: ArrivalStore, schedules: "Schedules") -> int:
        """Sweep when it is time; gives how many events were removed."""
        if monotonic() < self._next:
            return 0
        self._next = monotonic() + SWEEP_EVERY_S
        try:
            await schedules.sweep(datetime.now(UTC))
            return await arrivals.sweep(datetime.now(UTC))
        except PlatformError as error:
            log.warning("events are not swept: %s", error)
            return 0


def listened_to(definition: Definition) -> list[EventTest]:
    """The filters of a definition's listening tasks and schedule whose type is known before they run."""
    tasks = [_as_listener(visit.task) for visit in every_task(definition)]
    strategies = [task.listen.to for task in tasks if isinstance(task, ListenTask)]
    if definition.schedule is not None and definition.schedule.on is not None:
        strategies.append(definition.schedule.on)
    tests = [
        test
        for to in strategies
        for test in tests_for(to, [resolve(item, lambda part: part, {}) for item in filters_of(to)])
    ]
    return [test for test in tests if not is_runtime_expression(test.type or "")]


def _as_listener(task: Task) -> Task:
    """A subscription to the platform's topic is a listener by another name."""
    return as_event_task(task) if isinstance(task, CallAsyncApi) else task
