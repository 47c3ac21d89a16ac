"""The read model of instances: what is stored of them, and the only code that stores it.

One table, partitioned by tenant. Rows: `i!<instance>` the instance, `t!<instance>!<sequence>` a task run,
`x!<instance>` whether it is suspended (written by the API alone, so that it never races with the orchestration).
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from chassis.messaging.events import Event
from chassis.runtime import Runtime
from chassis.storage.rows import Change, Delete, Insert, Replace, Row, RowChanged, Upsert
from chassis.storage.tables import Table
from durable.workflow.eventing.subscriptions import opening
from durable.workflow.faults import SpecError
from durable.workflow.lifecycle import qualified_name, shown_error, task_data, task_type, workflow_data, workflow_type
from durable.workflow.models import FINAL, LifecycleEvent, Progress, TaskState, TaskTold
from durable.workflow.payloads import CONTAINER, Payloads
from durable.workflow.trail import is_omitted

TABLE = "workflowinstances"
WRITE_ATTEMPTS = 5
KEPT_TASK_RUNS = 1000
"""So many task runs of an instance are shown; of a longer one the last ones, each in the row of an older one."""
TASKS_AT_ONCE, EVENTS_AT_ONCE, MARKED_TASKS = 25, 30, 40
"""So many rows go into the transaction that writes the instance's state; with listeners they are at most 100."""

MOST_REMEMBERED, REMEMBERED_CHARS = 2_000, 4_000
"""So many rows, with inputs of so many characters at most, are remembered as they were last written."""

_last: dict[tuple[str, str], Row] = {}

CLOSED_AT_ONCE = 20
"""So many rows of listeners are removed in the transaction that says they ended; the others right after it."""


class InstanceStore:
    """Instances of all tenants; every method names the tenant it acts for."""

    def __init__(self, table: Table, payloads: Payloads, last: dict[tuple[str, str], Row] | None = None) -> None:
        self._table = table
        self._payloads = payloads
        self._last = {} if last is None else last

    async def add(
        self, tenant: str, instance_id: str, values: dict[str, Any], given: Any = None, event: Event | None = None
    ) -> Row:
        """Store a new instance with its input as pending. Raises RowExists when there is one with that id."""
        state = {**values, "input": await self._payloads.stored(tenant, given), "status": "pending", "revision": 0}
        key = f"i!{instance_id}"
        [etag] = await self._table.commit(tenant, [Insert(key, state)], [event] if event else [])
        return self._seen(Row(tenant, key, etag, {name: value for name, value in state.items() if value is not None}))

    async def get(self, tenant: str, instance_id: str) -> Row | None:
        """The instance's row, None when there is none for this tenant."""
        return await self._table.get(tenant, f"i!{instance_id}")

    async def value(self, row: Row, name: str) -> Any:
        """What the instance's row holds under the name: input, output, error or compensation; None without it."""
        return await self._payloads.value(row.partition, row.get(name))

    async def page(
        self,
        tenant: str,
        *,
        after: str | None,
        limit: int,
        where: str | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> list[Row]:
        """Instances in the order of their ids, those after the given id; `where` is an OData filter."""
        key = f"i!{after}" if after else None
        found = self._table.query(tenant, prefix="i!", after=key, where=where, parameters=parameters, limit=limit)
        return [row async for row in found]

    async def exactly(self, tenant: str, instance_id: str, where: str | None, parameters: dict[str, Any]) -> list[Row]:
        """The instance's row when it fits the filter, else nothing."""
        found = self._table.query(tenant, prefix=f"i!{instance_id}", where=where, parameters=parameters, limit=1)
        return [row async for row in found]

    async def all_suspended(self, tenant: str) -> set[str]:
        """The ids of the instances that were suspended and not resumed; some may have ended since."""
        return {row.key[2:] async for row in self._table.query(tenant, prefix="x!", where="suspended eq true")}

    async def reopen(self, row: Row, event: Event) -> None:
        """Take a failed instance's end back: it is pending again. Raises RowChanged when it has changed meanwhile."""
        ended = {"ended_at", "error", "output", "compensation"}
        values = {name: value for name, value in row.values.items() if name not in ended}
        change = Replace(row.key, {**values, "status": "pending"}, row.etag)
        marks = Upsert(f"x!{row.key[2:]}", {"suspended": False, "cancelling": False})
        await self._table.commit(row.partition, [change, marks], [event])

    async def tasks(self, tenant: str, instance_id: str) -> list[TaskState]:
        """The instance's task runs in the order of their starts, at most the last KEPT_TASK_RUNS."""
        rows: AsyncIterator[Row] = self._table.query(tenant, prefix=f"t!{instance_id}!")
        found = [TaskState.model_validate_json(row["task"]) async for row in rows]
        return sorted(found, key=lambda task: task.sequence)

    async def suspended(self, tenant: str, instance_id: str) -> bool:
        """Whether the instance was suspended and not resumed."""
        row = await self._table.get(tenant, f"x!{instance_id}")
        return bool(row and row.get("suspended"))

    async def mark_suspended(self, tenant: str, row: Row, at: str, *, suspended: bool) -> None:
        """Note and announce that the instance, with its tasks that run, is or is no longer suspended.

        May be repeated: it is announced when it changes.
        """
        instance_id = row.key[2:]
        mark = await self._table.get(tenant, f"x!{instance_id}")
        if bool(mark and mark.get("suspended")) == suspended:
            return
        name = qualified_name(row["namespace"], row["name"], instance_id)
        change: Literal["suspended", "resumed"] = "suspended" if suspended else "resumed"
        events = [Event(workflow_type(change), instance_id, workflow_data(change, name, at))]
        for task in (await self.tasks(tenant, instance_id))[-MARKED_TASKS:]:
            if task.state == "running":
                events.append(Event(task_type(change), instance_id, task_data(change, name, task.reference, at)))
        values = {**(mark.values if mark else {}), "suspended": suspended}
        await self._table.commit(tenant, [Upsert(f"x!{instance_id}", values)], events)

    async def mark_cancelling(self, tenant: str, instance_id: str) -> None:
        """Note, before the event is raised, that the instance is to be cancelled."""
        await self._table.upsert(tenant, f"x!{instance_id}", {"cancelling": True, "suspended": False})

    async def is_cancelling(self, tenant: str, instance_id: str) -> bool:
        """Whether the instance is to be cancelled."""
        row = await self._table.get(tenant, f"x!{instance_id}")
        return bool(row and row.get("cancelling"))

    async def open(self) -> list[tuple[str, str]]:
        """(tenant, instance id) of what has not ended, over all tenants."""
        ended = " and ".join(f"status ne '{status}'" for status in sorted(FINAL))
        return [(row.partition, row.key[2:]) async for row in self._table.query(prefix="i!", where=f"({ended})")]

    async def fault(self, row: Row, instance_id: str, error: SpecError, ended_at: str) -> bool:
        """Write and announce an end that the orchestration did not write; False when the row has changed meanwhile."""
        state = {"status": "faulted", "ended_at": ended_at, "error": json.dumps(error.as_json(), ensure_ascii=False)}
        name = qualified_name(row["namespace"], row["name"], instance_id)
        told = workflow_data("faulted", name, ended_at, error=error.as_json())
        event = Event(workflow_type("faulted"), instance_id, told, f"{instance_id}-broken-off")
        try:
            await self._table.commit(row.partition, [Replace(row.key, {**row.values, **state}, row.etag)], [event])
        except RowChanged:
            return False
        return True

    async def record(self, progress: Progress) -> None:
        """Write progress with its events in one transaction; one that is older than what is there is left out.

        May be repeated: the same revision is written once.
        """
        tenant, key = progress.work.tenant, f"i!{progress.instance_id}"
        for attempt in range(WRITE_ATTEMPTS):
            row = self._last.pop((tenant, key), None)
            if row is None or not _is_before(row, progress):
                row = await self._table.get(tenant, key)
            if row is None or not _is_before(row, progress):
                return
            state = Replace(key, {**row.values, **await self._state(progress)}, row.etag)
            events = [_event(progress, row, event) for event in written_out(progress, row["namespace"], row["name"])]
            tasks, events = await self._ahead(tenant, _tasks(progress), events)
            changes: list[Change] = [state, *tasks]
            changes += [change for subscription in progress.opens for change in opening(subscription)]
            together, later = progress.closes[:CLOSED_AT_ONCE], progress.closes[CLOSED_AT_ONCE:]
            changes += [Delete(closed) for closed in together]
            try:
                etags = await self._table.commit(tenant, changes, events)
                for closed in later:
                    await self._table.delete(tenant, closed)
                if progress.status not in FINAL:
                    values = {name: value for name, value in state.values.items() if value is not None}
                    self._seen(Row(tenant, key, etags[0], values))
                return
            except RowChanged:
                if attempt + 1 == WRITE_ATTEMPTS:
                    raise

    def _seen(self, row: Row) -> Row:
        """Remember the row as it was just written: the next writer needs not read it, its ETag tells if it changed."""
        if len(row.get("input") or "") <= REMEMBERED_CHARS:
            while len(self._last) >= MOST_REMEMBERED:
                del self._last[next(iter(self._last))]
            self._last[row.partition, row.key] = row
        return row

    async def _ahead(self, tenant: str, tasks: list[Upsert], events: list[Event]) -> tuple[list[Upsert], list[Event]]:
        """Write what one transaction has no room for; gives what goes into it.

        A crash after it writes that again: the same rows, and events that subscribers know by their ids.
        """
        while len(tasks) > TASKS_AT_ONCE or len(events) > EVENTS_AT_ONCE:
            first, tasks = tasks[:-TASKS_AT_ONCE][:50], [*tasks[:-TASKS_AT_ONCE][50:], *tasks[-TASKS_AT_ONCE:]]
            early, events = events[:-EVENTS_AT_ONCE][:50], [*events[:-EVENTS_AT_ONCE][50:], *events[-EVENTS_AT_ONCE:]]
            await self._table.commit(tenant, first, early)
        return tasks, events

    async def _state(self, progress: Progress) -> dict[str, Any]:
        values: dict[str, Any] = {
            "status": progress.status,
            "revision": progress.revision,
            "started_at": progress.started_at,
            "ended_at": progress.ended_at,
        }
        ended: dict[str, Any] = {}
        if progress.status in FINAL:
            undone = [item.model_dump(mode="json") for item in progress.compensation]
            ended = {"output": progress.output, "compensation": undone}
        if progress.error is not None:
            ended["error"] = progress.error.as_json()
        stored = {name: await self._payloads.stored(progress.work.tenant, value) for name, value in ended.items()}
        return {**values, **stored}


def instance_store(runtime: Runtime) -> InstanceStore:
    """The read model over the process's storage."""
    return InstanceStore(runtime.tables.table(TABLE), Payloads(runtime.blobs.container(CONTAINER)), _last)


def written_out(progress: Progress, namespace: str, name: str) -> list[LifecycleEvent]:
    """The progress's events, those of tasks with what they say, in order."""
    tasks = {task.sequence: task for task in progress.tasks}
    qualified = qualified_name(namespace, name, progress.instance_id)
    return [
        event if isinstance(event, LifecycleEvent) else _of_task(event, tasks[event.task], qualified, progress)
        for event in progress.events
    ]


def _of_task(told: TaskTold, task: TaskState, name: str, progress: Progress) -> LifecycleEvent:
    ended = told.change in ("completed", "faulted", "cancelled")
    at = told.at or (task.ended_at if ended else None) or task.started_at
    output = task.output if ended and not is_omitted(task.output) else None
    error = shown_error(task.error) if ended else None
    data = task_data(told.change, name, task.reference, at, output=output, error=error)
    return LifecycleEvent(id=f"{progress.instance_id}-{told.number}", type=task_type(told.change), data=data)


def _is_before(row: Row, progress: Progress) -> bool:
    """Whether the progress is newer than the row and may still be written."""
    return row["revision"] < progress.revision and row["status"] not in FINAL


def _tasks(progress: Progress) -> list[Upsert]:
    """One row for each slot: a transaction can't write the same row twice."""
    slots = {(task.sequence - 1) % KEPT_TASK_RUNS: task for task in sorted(progress.tasks, key=lambda it: it.sequence)}
    return [_task(progress.instance_id, slot, task) for slot, task in slots.items()]


def _task(instance_id: str, slot: int, task: TaskState) -> Upsert:
    key = f"t!{instance_id}!{slot + 1:06d}"
    return Upsert(key, {"task": task.model_dump_json(exclude_none=True), "reference": task.reference[:1024]})


def _event(progress: Progress, row: Row, event: LifecycleEvent) -> Event:
    """The platform's own events say which instance of which definition; a workflow's own are as it made them."""
    if event.attributes is not None:
        return Event(event.type, event.attributes.get("subject"), event.data, event.id, event.attributes)
    data = event.data
    if event.type.startswith("workflow."):
        definition = {name: row[name] for name in ("namespace", "name", "version")}
        data = {"id": progress.instance_id, "status": progress.status, "definition": definition, **event.data}
    return Event(event.type, progress.instance_id, data, event.id)
