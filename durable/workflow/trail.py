"""What has happened and is not yet written: the states of tasks and the events that go with them."""

from typing import Any

from durable.workflow.dsl.definition import parse_frozen
from durable.workflow.eventing.subscriptions import Subscription
from durable.workflow.faults import SpecError
from durable.workflow.lifecycle import (
    TaskChange,
    WorkflowChange,
    qualified_name,
    workflow_data,
    workflow_type,
)
from durable.workflow.models import (
    InstanceStatus,
    LifecycleEvent,
    Progress,
    StartInstance,
    TaskState,
    TaskStatus,
    TaskTold,
    Undone,
)
from durable.workflow.sizes import json_bytes

SHOWN_BYTES = 4096
"""Of larger inputs and outputs of tasks the read model has only the size."""

OMITTED = "$omitted"

FULL = 60
"""So many changes are written at once at most; a table transaction takes 100 rows."""


class Trail:
    """Collects the changes of one replay; what is drained was already written in the history's past."""

    def __init__(self, start: StartInstance, started_at: str) -> None:
        written = start.carried.trail if start.carried else {}
        self._start = start
        document = parse_frozen(start.definition)[0].document
        self._name = qualified_name(document.namespace, document.name, start.instance_id)
        self._started_at = started_at
        self._revision: int = written.get("revision", 0)
        self._tasks: int = written.get("tasks", 0)
        self._announced: int = written.get("announced", 0)
        self._attempts = {int(task): count for task, count in written.get("attempts", {}).items()}
        self._changed: dict[int, TaskState] = {}
        self._events: list[TaskTold | LifecycleEvent] = []
        self._opens: list[Subscription] = []
        self._closes: list[str] = []
        if not written:
            definition = {"name": document.name, "namespace": document.namespace, "version": document.version}
            self.tell("started", started_at, definition=definition)

    def carried(self) -> dict[str, Any]:
        """The counts with which the next execution goes on; what waits to be written is to be written before."""
        attempts = {str(task): count for task, count in self._attempts.items()}
        return {"revision": self._revision, "tasks": self._tasks, "announced": self._announced, "attempts": attempts}

    @property
    def full(self) -> bool:
        """Whether so much is waiting that it should be written before more is added."""
        return len(self._changed) + len(self._events) >= FULL

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        return not (self._changed or self._events or self._opens or self._closes)

    def begin(self, name: str, reference: str, at: str, given: Any) -> TaskState:
        """A task run begins."""
        self._tasks += 1
        state = TaskState(
            sequence=self._tasks, name=name, reference=reference, state="running", started_at=at, input=_shown(given)
        )
        self._changed[state.sequence] = state
        self._tell_of(state, "created")
        self._tell_of(state, "started")
        return state

    def end(
        self, state: TaskState, status: TaskStatus, at: str, output: Any = None, error: SpecError | None = None
    ) -> None:
        """A task run has ended."""
        attempts = self._attempts.pop(state.sequence, 1)
        change = {"state": status, "ended_at": at, "output": _shown(output), "error": error, "attempts": attempts}
        self._changed[state.sequence] = state.model_copy(update=change)
        if status != "running":
            self._tell_of(state, status)

    def retry(self, state: TaskState, attempt: int, at: str) -> None:
        """A task is tried again; `attempt` counts from 1, the first try included."""
        self._attempts[state.sequence] = attempt
        self._changed[state.sequence] = state.model_copy(update={"attempts": attempt})
        self._tell_of(state, "retried", at)

    def tell(self, change: WorkflowChange, at: str, **members: Any) -> None:
        """Announce the specification's event of a change of the instance."""
        self.announce(workflow_type(change), workflow_data(change, self._name, at, **members))

    def compensated(self, undone: Undone) -> None:
        """A compensation has ended, well or not."""
        self.announce("workflow.task.compensated", undone.model_dump(mode="json", exclude_none=True))

    def announce(self, type: str, data: Any, attributes: dict[str, Any] | None = None, id: str | None = None) -> str:
        """Announce an event with the next write; gives its id, by default `<instance>-<number>`."""
        id, self._announced = id or self.next_id(), self._announced + 1
        self._events.append(LifecycleEvent(id=id, type=type, data=data, attributes=attributes))
        return id

    def next_id(self) -> str:
        """The id that the next event gets when it brings none."""
        return f"{self._start.instance_id}-{self._announced + 1}"

    def open(self, subscription: Subscription) -> None:
        """A listener opens with the next write."""
        self._opens.append(subscription)

    def close(self, subscription: Subscription) -> None:
        """A listener ends with the next write."""
        self._closes += subscription.keys

    def drain(self, status: InstanceStatus, **end: Any) -> Progress:
        """Everything that waits, as one write."""
        self._revision += 1
        progress = Progress(
            instance_id=self._start.instance_id,
            work=self._start.work,
            revision=self._revision,
            status=status,
            started_at=self._started_at,
            tasks=tuple(self._changed.values()),
            events=tuple(self._events),
            opens=tuple(self._opens),
            closes=tuple(self._closes),
            **end,
        )
        self._changed, self._events, self._opens, self._closes = {}, [], [], []
        return progress

    def _tell_of(self, state: TaskState, change: TaskChange, at: str | None = None) -> None:
        self._announced += 1
        self._events.append(TaskTold(number=self._announced, task=state.sequence, change=change, at=at))


def _shown(value: Any) -> Any:
    if value is None:
        return None
    size = json_bytes(value)
    return value if size <= SHOWN_BYTES else {OMITTED: {"bytes": size}}


def is_omitted(value: Any) -> bool:
    """Whether a shown value stands for a larger one."""
    return isinstance(value, dict) and set(value) == {OMITTED}
