"""One replay of one instance: what all interpreting functions share."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.durations import Duration, DurationInline
from durable.workflow.dsl.tasks import TaskList
from durable.workflow.expressions import CLOCK, Evaluator, ExpressionError, evaluate, fill
from durable.workflow.faults import Cancelled, Fault, spec_error
from durable.workflow.interpretation.durable_context import DurableTask, DurableTimer, OrchestrationContext
from durable.workflow.interpretation.frames import Frame, Frames, StartOver
from durable.workflow.models import CALL_TIMEOUT_S, MAX_PAYLOAD_BYTES, StartInstance, TaskState
from durable.workflow.retries import inline_duration, parse_duration
from durable.workflow.sizes import json_bytes
from durable.workflow.trail import Trail

RUNTIME = {"name": "enterprise-platform", "version": "1", "metadata": {}}
RUNS_EACH = 200
"""So many runs of tasks later the instance is continued as new, with a short history."""

EFFECTS_EACH = 200
"""So many activities and timers later, likewise."""

MAX_RUNS_AT_ONCE = 2_000
"""Runs of tasks in one execution, which only branches of a fork can reach: they are not continued as new."""

MAX_IDLE_RUNS = 5_000
"""Runs of tasks without an activity or timer between them: ends definitions that go round for ever."""

KEYS_REMEMBERED = 500
"""So many events are known again when they are delivered twice."""

LEAST_TIMEOUT_S = 0.05
"""A call that is begun gets at least so long, lest it could never succeed."""

T = TypeVar("T")


@dataclass(frozen=True)
class Wait:
    """Go on when one of these has completed. `busy`: an activity is under way, which is never abandoned."""

    tasks: tuple[DurableTask, ...]
    busy: bool = False


Steps = Generator[Wait, None, T]
"""A part of the interpretation: yields its waits, returns a T, raises Fault or Cancelled."""


@dataclass(frozen=True)
class Scope:
    """Steps that may have to stop before their end: `is_over` says whether, `deadline` when at the latest.

    `is_resumable`: a fresh execution could go on in their middle, from their frames.
    """

    is_over: Callable[[], bool] = lambda: False
    deadline: datetime | None = None
    is_resumable: bool = True


@dataclass(frozen=True)
class Place:
    """Where a task stands: its name and its reference (a JSON Pointer into the definition)."""

    name: str
    reference: str

    def below(self, *parts: str | int) -> str:
        """The reference of a task list within the task."""
        return self.reference + "".join(f"/{part}" for part in parts)


@dataclass(frozen=True)
class Completed:
    """A completed task whose compensation waits: everything it will need, frozen."""

    reference: str
    tasks: TaskList
    data: dict[str, Any]
    context: Any
    variables: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What a task or list gives, and where it wants the flow to go on (None: as declared)."""

    output: Any
    then: str | None = None


@dataclass
class Run:
    """The state of one replay. `data` is the workflow's `$context`."""

    context: OrchestrationContext
    evaluator: Evaluator
    start: StartInstance
    definition: Definition
    document: dict[str, Any]
    trail: Trail
    started_at: datetime
    data: Any = field(default_factory=dict)
    completed: list[Completed] = field(default_factory=list)
    generations: Counter[str] = field(default_factory=Counter)
    unanswered: dict[str, dict[str, Any]] = field(default_factory=dict)
    listeners: int = 0
    heard: dict[str, None] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)
    frames: Frames = field(default_factory=Frames)
    task_runs: int = 0
    idle_runs: int = 0
    effects: int = 0

    def inside(self, scope: Scope, steps: Steps[Any]) -> Wait:
        """The steps' next wait, advanced within the scope. Raises StopIteration at their end."""
        self.scopes.append(scope)
        try:
            return next(steps)
        finally:
            self.scopes.pop()

    def is_over(self) -> bool:
        """Whether one of the scopes around is over."""
        return any(scope.is_over() for scope in self.scopes)

    def check_goes_on(self) -> None:
        """Raise Cancelled when one of the scopes around is over: no further task begins in it."""
        if self.is_over():
            raise Cancelled

    def time_left(self) -> timedelta | None:
        """How long until the first deadline around, at least zero; None when there is none."""
        deadlines = [scope.deadline for scope in self.scopes if scope.deadline is not None]
        return max(min(deadlines) - self.context.current_utc_datetime, timedelta()) if deadlines else None

    def call_timeout_s(self) -> float:
        """How long a call may take here: no longer than what is left of the time limits around it."""
        left = self.time_left()
        return CALL_TIMEOUT_S if left is None else max(min(left.total_seconds(), CALL_TIMEOUT_S), LEAST_TIMEOUT_S)

    def now(self) -> str:
        """The orchestration's time, RFC 3339 UTC."""
        return rfc3339(self.context.current_utc_datetime)

    def count_task(self) -> None:
        """Count one more run of a task. Raises Fault when they go round without end, or branches run too many."""
        self.task_runs += 1
        self.idle_runs += 1
        if self.idle_runs > MAX_IDLE_RUNS:
            detail = f"{MAX_IDLE_RUNS} tasks ran without waiting for anything: they go round without end"
            raise Fault(spec_error("runtime", 500, "Too many task runs", detail))
        if self.task_runs > MAX_RUNS_AT_ONCE:
            detail = f"the branches of a fork run at most {MAX_RUNS_AT_ONCE} tasks"
            raise Fault(spec_error("runtime", 500, "Too many task runs", detail))

    def count_effect(self, *, is_idle: bool = False) -> None:
        """Count one more activity or timer: the history grows by it. Idle is what only records."""
        self.effects += 1
        self.idle_runs = self.idle_runs if is_idle else 0

    def check_history(self) -> None:
        """Raise StartOver when the history is long and this is a place to go on from."""
        is_long = self.task_runs >= RUNS_EACH or self.effects >= EFFECTS_EACH
        if is_long and self.is_resumable:
            raise StartOver(self.frames.as_json())

    @property
    def is_resumable(self) -> bool:
        """Whether a fresh execution could go on from here."""
        return all(scope.is_resumable for scope in self.scopes)

    @contextmanager
    def frame(self, **initial: Any) -> Iterator[Frame]:
        """The frame of the part that runs; see `Frames`. Where nothing is resumed, one that nobody keeps."""
        if not self.is_resumable:
            yield initial
            return
        frame = self.frames.enter(initial)
        try:
            yield frame
        finally:
            self.frames.leave(frame)

    def hear(self, key: str) -> None:
        """Note that a listener of this instance has had an event, by its key."""
        self.heard[key] = None
        if len(self.heard) > KEYS_REMEMBERED:
            del self.heard[next(iter(self.heard))]

    def arguments(self, variables: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The expression arguments at this point; later ones win."""
        clock = self.context.current_utc_datetime.timestamp()
        return {"context": self.data, "workflow": self.workflow, "runtime": RUNTIME, CLOCK: clock, **more, **variables}

    @cached_property
    def workflow(self) -> dict[str, Any]:
        """What expressions see as `$workflow`: it never changes."""
        return {
            "id": self.start.instance_id,
            "definition": self.document,
            "input": self.start.input,
            "startedAt": moment(self.started_at),
        }

    def evaluate(self, text: str, data: Any, arguments: dict[str, Any]) -> Any:
        """An expression field's value. Raises Fault of the specification's expression type."""
        try:
            return evaluate(self.evaluator, text, data, arguments)
        except ExpressionError as error:
            raise Fault(spec_error("expression", 400, "The expression failed", str(error))) from None

    def fill(self, template: Any, data: Any, arguments: dict[str, Any]) -> Any:
        """A template with its expressions replaced. Raises Fault."""
        try:
            return fill(self.evaluator, template, data, arguments)
        except ExpressionError as error:
            raise Fault(spec_error("expression", 400, "The expression failed", str(error))) from None

    def transform(self, spec: str | dict[str, Any] | None, data: Any, arguments: dict[str, Any]) -> Any:
        """`from` or `as`: an expression, a template, or None for the data unchanged."""
        if spec is None:
            return data
        return self.evaluate(spec, data, arguments) if isinstance(spec, str) else self.fill(spec, data, arguments)

    def holds(self, condition: str, data: Any, arguments: dict[str, Any]) -> bool:
        """Whether a condition is met: neither false nor null, as jq has it."""
        return self.evaluate(condition, data, arguments) not in (False, None)

    def duration(self, value: Duration, data: Any, arguments: dict[str, Any]) -> timedelta:
        """A duration, its expression evaluated. Raises Fault when that gives no ISO 8601 duration."""
        if isinstance(value, DurationInline):
            return inline_duration(value)
        text = self.fill(value, data, arguments)
        try:
            return parse_duration(str(text))
        except ValueError as error:
            raise Fault(spec_error("expression", 400, "Not a duration", str(error))) from None

    def check_size(self, value: Any, what: str, limit_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        """Raise Fault when the value is larger than what an instance may carry."""
        size = json_bytes(value)
        if size > limit_bytes:
            detail = f"{what} has {size} bytes of JSON, at most {limit_bytes} are carried; keep it in a store"
            raise Fault(spec_error("runtime", 413, "Too large", detail))

    def check_schema(self, schema: Any, value: Any, what: str) -> None:
        """Raise Fault of the validation type when the schema refuses the value."""
        if schema is not None and (found := self.evaluator.violations(schema.document, value)):
            raise Fault(spec_error("validation", 400, f"{what} does not fit its schema", "; ".join(found)))


def rfc3339(time: datetime) -> str:
    """The time in UTC with milliseconds and Z."""
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def moment(time: datetime) -> dict[str, Any]:
    """The specification's dateTimeDescriptor."""
    seconds = (time.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - both are UTC
    return {"iso8601": rfc3339(time), "epoch": {"seconds": int(seconds), "milliseconds": int(seconds * 1000)}}


def moment_of(time: str) -> dict[str, Any]:
    """The descriptor of a time that `rfc3339` wrote."""
    return moment(datetime.fromisoformat(time))


__all__ = [
    "Completed",
    "DurableTask",
    "DurableTimer",
    "OrchestrationContext",
    "Place",
    "Result",
    "Run",
    "Steps",
    "TaskState",
    "Wait",
    "moment",
    "moment_of",
    "rfc3339",
]
