"""Starts that nobody asks for: by the clock, after an end, by events.

A definition's schedule is that of its latest version that is not deprecated. Every start has an id made of the
schedule and its tick or events, so that it happens once however many processes see that it is due.
"""

import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta

from chassis.context import Principal, calling
from chassis.errors import PlatformError, can_retry
from chassis.http.idempotency import resource_id
from chassis.storage.rows import Row, RowChanged, RowExists
from chassis.work import WorkContext
from durable.workflow.dsl.definition import Definition, Schedule, parse_frozen
from durable.workflow.dsl.events import AnyEvents, EventConsumption
from durable.workflow.eventing.arrivals import Arrival
from durable.workflow.eventing.cloudevents import Envelope, read_as
from durable.workflow.eventing.filters import EventTest, correlation_value, resolve, takes
from durable.workflow.eventing.gathering import Gathering, filters_of, takes_first_only, tests_for
from durable.workflow.eventing.subscriptions import Subscription, SubscriptionStore, Wanting
from durable.workflow.expressions import Evaluator, ExpressionError, evaluate, fill
from durable.workflow.instances import InstanceStore
from durable.workflow.interpretation.run import RUNTIME
from durable.workflow.models import FINAL, Origin
from durable.workflow.schedules import ScheduleStore, first_run, next_run, pause, schedule_name
from functions.workflow.definitions import Definitions, Frozen
from functions.workflow.errors import DefinitionNotFound
from functions.workflow.schemas import ScheduleRead, StartRequest
from functions.workflow.service import DurableClient, Instances

log = logging.getLogger(__name__)

GATHERED_BYTES = 60_000
"""So much JSON may the events that start one instance have together."""

WAITS_FOR_MORE = timedelta(days=7)
STARTED = timedelta(hours=2)
"""How long incomplete groups of events are kept, and how long it is remembered what started an instance."""

REMEMBERED = 100


class Schedules:
    """The schedules of all tenants; every method names the tenant it acts for."""

    def __init__(
        self,
        store: ScheduleStore,
        subscriptions: SubscriptionStore,
        instances: InstanceStore,
        definitions: Definitions,
        evaluator: Evaluator,
    ) -> None:
        self._store, self._subscriptions, self._instances = store, subscriptions, instances
        self._definitions, self._evaluator = definitions, evaluator

    async def settle(self, tenant: str, namespace: str, name: str) -> None:
        """Let the latest version's schedule be the definition's, from now on. May be repeated: one that is stays."""
        while True:
            latest = await self._latest(tenant, namespace, name)
            await self._settle(tenant, namespace, name, latest)
            if (again := await self._latest(tenant, namespace, name)) is None or again == latest:
                return

    async def read(self, tenant: str, namespace: str, name: str, version: str) -> ScheduleRead | None:
        """How a version's schedule stands; None when it has none, or is not the latest."""
        row = await self._store.get(tenant, namespace, name)
        if row is None or row["version"] != version:
            return None
        shown = {key: _shown(row.get(key)) for key in ("next_at", "last_at")}
        return ScheduleRead(
            next_run_at=shown["next_at"],
            last_run_at=shown["last_at"],
            last_instance=row.get("last_instance"),
            last_error=row.get("last_error"),
        )

    async def run_due(self, instances: Instances, client: DurableClient, now: datetime | None = None) -> int:
        """Start what is due; gives how many schedules were. May run in several processes at once."""
        moment = now or datetime.now(UTC)
        rows = await self._store.due(moment)
        for row in rows:
            try:
                await self._run(row, instances, client, moment)
            except Exception as error:  # noqa: BLE001 - one schedule must not hold up the others
                log.warning("schedule %s does not run: %s", row.key, error)
        return len(rows)

    async def start_by_event(
        self, tenant: str, listener: Wanting, arrival: Arrival, instances: Instances, client: DurableClient
    ) -> None:
        """Start an instance with the event, or gather it until there are enough. May be repeated."""
        namespace, name = listener.owner.removeprefix("schedule:").split(":")
        row = await self._store.get(tenant, namespace, name)
        if row is None or row["version"] != listener.id:
            await self._subscriptions.forget(tenant, f"{listener.owner}!{listener.id}", listener.keys)
            return
        frozen = await self._definitions.frozen(tenant, namespace, name, listener.id)
        schedule = parse_frozen(frozen.document)[0].schedule
        if schedule is None or schedule.on is None:
            return
        if takes_first_only(schedule.on):
            await self._begin(row, [arrival.event], arrival.key, instances, client)
        else:
            await self._gather(row, schedule.on, arrival, instances, client)

    async def sweep(self, now: datetime) -> None:
        """Remove what was gathered and forgotten."""
        await self._store.sweep(now - WAITS_FOR_MORE, now - STARTED)

    async def _latest(self, tenant: str, namespace: str, name: str) -> Frozen | None:
        try:
            return await self._definitions.frozen(tenant, namespace, name, None)
        except DefinitionNotFound:
            return None

    async def _settle(self, tenant: str, namespace: str, name: str, latest: Frozen | None) -> None:
        row = await self._store.get(tenant, namespace, name)
        if row is not None and latest is not None and row["version"] == latest.id.version:
            return
        definition = parse_frozen(latest.document)[0] if latest is not None else None
        schedule = definition.schedule if definition is not None else None
        if definition is not None and schedule is not None and schedule.model_fields_set:
            subscription = self._subscription(definition)
            await self._subscriptions.open(tenant, subscription)
            now = datetime.now(UTC)
            values = {
                "version": definition.document.version,
                "next_at": first_run(schedule, now),
                "after_s": after.total_seconds() if (after := pause(schedule)) is not None else None,
                "work": WorkContext.capture().model_dump_json(),
                "keys": json.dumps(subscription.keys),
            }
            await self._store.put(tenant, namespace, name, values)
        else:
            await self._store.end(tenant, namespace, name)
        if row is not None:
            owner = f"{_owner(namespace, name)}!{row['version']}"
            await self._subscriptions.forget(tenant, owner, json.loads(row["keys"]))

    def _subscription(self, definition: Definition) -> Subscription:
        on = definition.schedule.on if definition.schedule is not None else None
        document = definition.document
        return Subscription(
            id=document.version,
            owner=_owner(document.namespace, document.name),
            mode="start",
            tests=tuple(self._tests(on)) if on is not None else (),
        )

    def _tests(self, on: EventConsumption) -> list[EventTest]:
        """The schedule's filters; there is no instance yet whose data they could see."""
        arguments = {"runtime": RUNTIME}
        return tests_for(
            on,
            [
                resolve(item, lambda part: fill(self._evaluator, part, None, arguments), arguments)
                for item in filters_of(on)
            ],
        )

    async def _run(self, row: Row, instances: Instances, client: DurableClient, now: datetime) -> None:
        namespace, name = row.key.split("!")[1:]
        definition = await self._definitions.frozen(row.partition, namespace, name, row["version"])
        schedule = parse_frozen(definition.document)[0].schedule or Schedule()
        tick: datetime = row["next_at"]
        values = await self._begin(row, None, tick.isoformat(), instances, client)
        following = next_run(schedule, tick, now)
        if (after := pause(schedule)) is not None and values["running"] is None:  # refused: nothing will end
            following = now + after
        await self._store.change(row, {**values, "last_at": now, "next_at": following})
        if after is not None and values["running"] is not None:
            await self._ended_already(row, str(values["running"]))

    async def _ended_already(self, row: Row, instance_id: str) -> None:
        """An instance may end before it is written that the schedule waits for it."""
        found = await self._instances.get(row.partition, instance_id)
        if found is not None and found["status"] in FINAL:
            ended = datetime.fromisoformat(found["ended_at"])
            await self._store.ended(row.partition, row.key[2:], instance_id, ended)

    async def _begin(
        self, row: Row, events: list[Envelope] | None, tick: str, instances: Instances, client: DurableClient
    ) -> dict[str, str | None]:
        """Start the instance of a tick; what refuses it for good is kept as the schedule's last error."""
        namespace, name = row.key.split("!")[1:]
        work = WorkContext.model_validate_json(row["work"])
        id = resource_id(row.partition, "workflow.schedule", f"{namespace}/{name}/{row['version']}/{tick}")
        request = StartRequest(namespace=namespace, name=name, version=row["version"], input=events)
        origin = Origin(schedule=schedule_name(namespace, name))
        try:
            with calling(work.call()):
                caller = Principal(subject=work.subject, tenant=work.tenant)
                await instances.begin(caller, request, id, client, origin)
        except PlatformError as error:
            if can_retry(error):
                raise
            log.warning("schedule %s/%s starts nothing: %s", namespace, name, error)
            return {"last_error": f"{error.title}: {error.detail}"[:1000], "running": None}
        return {"last_instance": id, "last_error": None, "running": id}

    async def _gather(
        self, row: Row, on: EventConsumption, arrival: Arrival, instances: Instances, client: DurableClient
    ) -> None:
        tests = self._tests(on)
        namespace, name = row.key.split("!")[1:]
        key = f"{namespace}!{name}!{row['version']}!{self._group_of(tests, arrival.event)}"
        while True:
            group = await self._store.group(row.partition, key)
            gathered = json.loads(group["events"]) if group is not None else {"waiting": {}, "had": []}
            if arrival.key in gathered["had"]:
                return
            gathered["waiting"][arrival.key] = {"stamp": arrival.stamp, "event": arrival.event}
            taken = self._enough(on, tests, gathered["waiting"])
            if taken is not None:
                events = [gathered["waiting"][item]["event"] for item in taken]
                await self._begin(row, events, _digest(taken), instances, client)
                gathered = {"waiting": {}, "had": [*gathered["had"], *gathered["waiting"]][-REMEMBERED:]}
            text = json.dumps(gathered).encode()
            if len(text) > GATHERED_BYTES:
                log.warning("schedule %s/%s: an event is let go, those gathered are too large", namespace, name)
                return
            values = {"events": text, "written": datetime.now(UTC), "is_empty": not gathered["waiting"]}
            try:
                await self._store.gather(row.partition, key, values, group)
                return
            except (RowExists, RowChanged):
                continue

    def _enough(
        self, on: EventConsumption, tests: list[EventTest], waiting: dict[str, dict[str, Envelope]]
    ) -> list[str] | None:
        """The keys of the events that start an instance, in their order; None while others are waited for."""
        gathering = Gathering(on, tests, self._evaluator)
        taken: list[str] = []
        condition = on.until if isinstance(on, AnyEvents) and isinstance(on.until, str) else None
        for key in sorted(waiting, key=lambda item: str(waiting[item]["stamp"])):
            if gathering.offer(waiting[key]["event"]) == "taken":
                taken.append(key)
                data = [read_as(waiting[item]["event"], "data") for item in taken]
                if condition is not None and self._holds(condition, data):
                    return taken
            if gathering.enough:
                return taken
        return None

    def _holds(self, condition: str, data: object) -> bool:
        try:
            return evaluate(self._evaluator, condition, data, {"runtime": RUNTIME}) not in (False, None)
        except ExpressionError:
            return False

    def _group_of(self, tests: list[EventTest], event: Envelope) -> str:
        """Events with the same values of the open correlations belong together."""
        for test in tests:
            if takes(self._evaluator, test, event):
                open_ones = [item for item in test.correlate if item.expect is None]
                values = sorted(
                    (item.name, correlation_value(self._evaluator, test, item, event)) for item in open_ones
                )
                return _digest(values)
        return _digest([])


def _owner(namespace: str, name: str) -> str:
    return f"schedule:{namespace}:{name}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
