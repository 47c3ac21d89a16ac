"""The port between the engine and its storage: what is kept, what each operation promises and how it can fail.

Every operation is atomic and, once it has returned, survives the death of the process. Each may raise
StorageUnavailable and HubCorrupt. A message, activity or timer belongs to one execution (a generation of an instance:
continue-as-new and a reused id start a new one); what belongs to an execution that is gone is dropped, silently,
wherever it turns up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from funchost.durable.errors import DurableError
from funchost.durable.events import HistoryEvent
from funchost.durable.state import Status

if TYPE_CHECKING:
    from funchost.durable.rewinding import Rewinding


class BackendError(DurableError):
    """Base of what a backend raises."""


class InstanceExists(BackendError):
    """The id belongs to an instance that has not ended."""

    def __init__(self, instance_id: str, status: Status) -> None:
        super().__init__(f"An Orchestration instance with the status {status} already exists.")
        self.instance_id, self.status = instance_id, status


class InstanceNotFound(BackendError):
    """No instance has this id."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"No instance with ID '{instance_id}' found.")
        self.instance_id = instance_id


class InstanceEnded(BackendError):
    """The instance has ended and takes no more messages."""

    def __init__(self, instance_id: str, status: Status) -> None:
        super().__init__(f"The instance '{instance_id}' has ended ({status}).")
        self.instance_id, self.status = instance_id, status


class NotFailed(BackendError):
    """Only a failed orchestration can be rewound."""

    def __init__(self, instance_id: str, status: Status) -> None:
        super().__init__(f"The instance '{instance_id}' is {status}; only failed orchestrations can be rewound.")
        self.instance_id, self.status = instance_id, status


class ExecutionGone(BackendError):
    """A turn can't be committed: its execution was replaced or purged meanwhile."""


class HubInUse(BackendError):
    """Another process holds the task hub."""


class HubCorrupt(BackendError):
    """The stored hub is damaged: no retry helps."""


class HubTooNew(BackendError):
    """The stored hub was written by a later version of the engine."""


class StorageUnavailable(BackendError):
    """The store refused to write (disk full, I/O error); nothing was changed and a retry may help."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something for one orchestration; `sequence` (ascending per hub) is 0 until stored, and for fired timers.

    `execution_id` None addresses whatever execution runs.
    """

    instance_id: str
    event: HistoryEvent
    execution_id: str | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class ActivityKey:
    """Names one scheduled activity."""

    instance_id: str
    execution_id: str
    task_id: int


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """An activity to run; `input` is the JSON text that its trigger gets."""

    key: ActivityKey
    name: str
    input: str | None
    trace_parent: str | None


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer to fire; `timer_id` is its sequence number in the execution."""

    instance_id: str
    execution_id: str
    timer_id: int
    fire_at: datetime


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """What is known of an instance without its history; input, output and custom_status are JSON text."""

    instance_id: str
    execution_id: str
    name: str
    status: Status
    created_at: datetime
    updated_at: datetime
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None


@dataclass(frozen=True, slots=True)
class NewInstance:
    """An instance to create, with the message that starts it. `parent`: answered when the id is taken."""

    row: InstanceRow
    start: Message
    refusal: Message | None = None


@dataclass(frozen=True, slots=True)
class TurnCommit:
    """The whole effect of one turn.

    `events` are appended to the history, or replace it when `restarts` (continue-as-new; row.execution_id is then
    the new execution and `execution_id` the old one). `consumed` are sequences of the instance's messages.
    """

    row: InstanceRow
    execution_id: str
    events: list[HistoryEvent]
    consumed: list[int]
    activities: list[ActivityTask] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    ended_timers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    children: list[NewInstance] = field(default_factory=list)
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is stored of one instance; `chunks` are encoded event arrays, oldest first."""

    row: InstanceRow
    chunks: list[bytes]
    messages: list[Message]


@dataclass(frozen=True, slots=True)
class PendingWork:
    """What a restarted engine must take up again."""

    instances: list[str]
    activities: list[ActivityTask]
    timers: list[TimerRow]


@dataclass(frozen=True, slots=True)
class InstanceFilter:
    """Which instances; an empty filter means all orchestrations. Times are inclusive.

    `entities`: existing entities instead of orchestrations.
    """

    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: frozenset[Status] = frozenset()
    prefix: str = ""
    updated_from: datetime | None = None
    updated_to: datetime | None = None
    entities: bool = False


@dataclass(frozen=True, slots=True)
class InstancePage:
    """Instances ordered by id; `next_after` is the id to continue after, None on the last page."""

    rows: list[InstanceRow]
    next_after: str | None


class Backend(ABC):
    """A task hub's storage. One process uses a hub at a time."""

    @abstractmethod
    async def open(self) -> PendingWork:
        """Take hold of the hub and return the work that waits in it.

        Raises HubInUse, HubCorrupt, HubTooNew.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun and let the hub go; may be repeated."""

    @abstractmethod
    async def create(self, new: NewInstance, *, replace_running: bool = False) -> Message:
        """Create an instance and store its start message, which is returned with its sequence.

        An ended instance of the same id is replaced. Raises InstanceExists for one that has not ended, unless
        `replace_running`.
        """

    @abstractmethod
    async def send(self, message: Message) -> Message:
        """Store a message; returns it with its sequence. Raises InstanceNotFound, InstanceEnded."""

    @abstractmethod
    async def record_result(self, key: ActivityKey, result: Message) -> Message | None:
        """Store an activity's result and forget the activity; None when it was recorded before or is gone."""

    @abstractmethod
    async def postpone(self, key: ActivityKey, raw_input: str) -> bool:
        """Store what an activity is to go on with, in place of its input.

        False when it is gone or its execution is; then it is forgotten.
        """

    @abstractmethod
    async def commit(self, turn: TurnCommit) -> list[Message]:
        """Apply a turn whole; returns the messages that it stored (to others, to itself, refusals, starts).

        Raises ExecutionGone; then nothing was applied.
        """

    @abstractmethod
    async def rewind(self, rewinding: Rewinding) -> list[Message]:
        """Let failed instances go on; returns the messages that it stored.

        Raises ExecutionGone when one is not the failed execution any more, or not what was `seen`; then nothing was
        changed.
        """

    @abstractmethod
    async def load(self, instance_id: str) -> Snapshot | None:
        """Everything of an instance; None when there is none."""

    @abstractmethod
    async def get(self, instance_id: str) -> InstanceRow | None:
        """An instance's row; None when there is none."""

    @abstractmethod
    async def query(self, wanted: InstanceFilter, *, after: str = "", limit: int = 100) -> InstancePage:
        """A page of what is wanted, with ids greater than `after`."""

    @abstractmethod
    async def purge(self, instance_ids: Sequence[str]) -> list[str]:
        """Delete ended instances and all that belongs to them; returns the ids deleted. May be repeated."""
