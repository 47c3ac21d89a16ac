"""What goes into and comes out of the orchestration and its activities; every part is JSON and frozen."""

from typing import Any, Literal

from chassis.models import Contract
from chassis.work import WorkContext
from durable.workflow.eventing.subscriptions import Delivered, Subscription
from durable.workflow.faults import SpecError
from durable.workflow.lifecycle import TaskChange

InstanceStatus = Literal["pending", "running", "waiting", "suspended", "completed", "faulted", "cancelled"]
TaskStatus = Literal["running", "completed", "faulted", "cancelled"]
FINAL: frozenset[str] = frozenset({"completed", "faulted", "cancelled"})

ORCHESTRATOR = "workflow_run_definition"
CANCEL_EVENT = "workflow.cancel"
MAX_PAYLOAD_BYTES = 1_000_000
"""Largest input, output or other single value, as JSON; larger data belongs in a dataset, a job or a blob."""

CALL_TIMEOUT_S = 20.0
"""How long one call may take at most; a timeout around it can shorten that."""

MAX_EVENT_BYTES = 20_000
"""Largest event that a workflow announces, as JSON; its row in the outbox has less room than a message."""


class Carried(Contract):
    """What an execution hands to the next when the instance is continued as new.

    `frames` say where it stands, `trail` what has been written, `completed` what is to be undone if it fails.
    """

    started_at: str
    data: Any
    frames: list[dict[str, Any]]
    completed: list[dict[str, Any]]
    generations: dict[str, int]
    unanswered: dict[str, Any]
    trail: dict[str, Any]
    idle_runs: int
    listeners: int = 0
    heard: tuple[str, ...] = ()


class Origin(Contract):
    """What started an instance that nobody asked for over the API: another instance, or a schedule.

    `event` is raised in the parent when the instance ends, None when that does not wait; `level` counts the parents.
    """

    parent: str | None = None
    event: str | None = None
    level: int = 0
    schedule: str | None = None


class StartInstance(Contract):
    """The orchestration's input. The definition travels frozen, so that an instance stays on what it began with."""

    instance_id: str
    definition: str
    input: Any = None
    created_at: str
    work: WorkContext
    origin: Origin | None = None
    carried: Carried | None = None


class Going(Contract):
    """Asks, when an execution begins, what may have come between it and the last one."""

    instance_id: str
    work: WorkContext


class TaskState(Contract):
    """One run of one task, as the read model shows it. `sequence` is its place in the order of starts."""

    sequence: int
    name: str
    reference: str
    state: TaskStatus
    attempts: int = 1
    started_at: str
    ended_at: str | None = None
    input: Any = None
    output: Any = None
    error: SpecError | None = None


class LifecycleEvent(Contract):
    """An event to announce together with the state it tells of. The id is the same in every replay.

    `attributes` are further attributes of the CloudEvent, None for an event of the platform's own.
    """

    id: str
    type: str
    data: Any = None
    attributes: dict[str, Any] | None = None


class TaskTold(Contract):
    """The lifecycle event of a task whose state is in the same progress: what it says can be read from there.

    `number` makes its id, `task` is the state's sequence; `at` only where the state does not have the time.
    """

    number: int
    task: int
    change: TaskChange
    at: str | None = None


class Undone(Contract):
    """What became of one compensation."""

    reference: str
    status: Literal["compensated", "failed"]
    error: SpecError | None = None


class Progress(Contract):
    """Changes to the read model since the last. Written at most once, in `revision` order."""

    instance_id: str
    work: WorkContext
    revision: int
    status: InstanceStatus
    started_at: str
    ended_at: str | None = None
    output: Any = None
    error: SpecError | None = None
    compensation: tuple[Undone, ...] = ()
    tasks: tuple[TaskState, ...] = ()
    events: tuple[TaskTold | LifecycleEvent, ...] = ()
    opens: tuple[Subscription, ...] = ()
    closes: tuple[str, ...] = ()
    origin: Origin | None = None


class Recorded(Contract):
    """What a write of progress found for the listeners that it opened, of the events that had come before.

    `missed` has the first one of a listener that needs no more; `kept` names those for whom some are kept to be taken.
    """

    missed: dict[str, Delivered] = {}
    kept: tuple[str, ...] = ()


class StartChild(Contract):
    """Start an instance for another. The same key is the same instance. Version None: the latest."""

    key: str
    namespace: str
    name: str
    version: str | None = None
    input: Any = None
    origin: Origin
    work: WorkContext


class ChildStarted(Contract):
    """The child's id, or why there is none."""

    id: str | None = None
    error: SpecError | None = None


class StopChild(Contract):
    """Cancel a child."""

    id: str
    work: WorkContext


class ChildEnd(Contract):
    """How a child ended, as its parent is told."""

    status: InstanceStatus
    output: Any = None
    error: SpecError | None = None


class TakeEvents(Contract):
    """Take the next events kept for a listener that takes many; `done` are arrivals that it has had."""

    listener: str
    wake: int
    done: tuple[str, ...] = ()
    work: WorkContext


class TakenEvents(Contract):
    """Events by their arrival, in that order; `more` when there may be others."""

    events: dict[str, Delivered] = {}
    more: bool = False


class FunctionCall(Contract):
    """Call a function of the catalog. The same key is the same call to the receiver."""

    key: str
    function: str
    arguments: dict[str, Any]
    work: WorkContext
    progress: Progress | None = None
    timeout_s: float = CALL_TIMEOUT_S


class FunctionPoll(Contract):
    """Ask how long work is getting on."""

    function: str
    started: str
    work: WorkContext


class CallOutcome(Contract):
    """How a call stands: done (`output`), at work (`started` is the resource's id) or failed (`error`)."""

    state: Literal["done", "started", "failed"]
    output: Any = None
    started: str | None = None
    error: SpecError | None = None
    can_retry: bool = False
