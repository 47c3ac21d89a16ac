"""The tasks of the DSL that are supported, as one union told apart by the key that names the kind."""

from typing import Annotated, Any, Literal, Self

from annotated_types import Len
from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from durable.workflow.dsl.base import DslModel, Expression
from durable.workflow.dsl.values import (
    Duration,
    ErrorDefinition,
    ErrorFilter,
    EventProperties,
    Export,
    Input,
    Output,
    RetryPolicy,
    Timeout,
)

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
Variable = Annotated[str, Field(pattern=VARIABLE)]
"""The name under which an expression sees a value: `item` is read as `$item`."""

KIND_KEYS = ("for", "try", "call", "do", "emit", "fork", "listen", "raise", "run", "set", "switch", "wait")
"""The keys that name a task's kind. `for` and `try` come first: `do` and `catch` go with them."""


def kind_of(value: Any) -> str:
    """The kind of a raw task; empty when none of its keys names one."""
    if isinstance(value, dict):
        return next((key for key in KIND_KEYS if key in value), "")
    return getattr(type(value), "kind", "")


class Compensation(DslModel):
    """How to undo a task that completed: tasks that get `{"input": …, "output": …}` of it, frozen."""

    do: "TaskList"


class TaskMetadata(DslModel):
    """Further information about a task; only `compensation` means something to the runtime."""

    model_config = ConfigDict(extra="allow")
    compensation: Compensation | None = None


class TaskBase(DslModel):
    """What every task may have."""

    if_: Expression | None = None
    input: Input | None = None
    output: Output | None = None
    export: Export | None = None
    timeout: Timeout | str | None = None
    then: str | None = None
    metadata: TaskMetadata | None = None


class CallTask(TaskBase):
    """Calls a function of the platform's catalog."""

    call: str
    with_: dict[str, Any] | None = None


class DoTask(TaskBase):
    """Runs tasks one after the other."""

    do: "TaskList"


class EmitDefinition(DslModel):
    """The event to emit."""

    model_config = ConfigDict(extra="allow")
    with_: EventProperties


class Emit(DslModel):
    """What to emit."""

    event: EmitDefinition


class EmitTask(TaskBase):
    """Announces an event."""

    emit: Emit


class ForEach(DslModel):
    """What to go through, and under which names the item and its index are seen."""

    each: Variable = "item"
    in_: Expression
    at: Variable = "index"


class ForTask(TaskBase):
    """Runs tasks for each item of a collection."""

    for_: ForEach
    while_: Expression | None = None
    do: "TaskList"


class Fork(DslModel):
    """The branches to run at the same time; in a competition the first to complete wins."""

    branches: "TaskList"
    compete: bool = False


class ForkTask(TaskBase):
    """Runs branches concurrently."""

    fork: Fork


class Raise(DslModel):
    """The error to raise, or the name of one in `use.errors`."""

    error: ErrorDefinition | str


class RaiseTask(TaskBase):
    """Raises an error."""

    raise_: Raise


class SetTask(TaskBase):
    """Makes data."""

    set: Annotated[dict[str, Any], Len(1)] | str


class SwitchCase(DslModel):
    """Where to go when the condition holds; without a condition it is the default."""

    when: Expression | None = None
    then: str


class SwitchTask(TaskBase):
    """Chooses where the flow goes on."""

    switch: Annotated[list[Annotated[dict[str, SwitchCase], Len(1, 1)]], Len(1)]

    @model_validator(mode="after")
    def _one_default(self) -> Self:
        if sum(case.when is None for item in self.switch for case in item.values()) > 1:
            raise ValueError("only one case of a switch may be without a condition")
        return self


class CatchErrors(DslModel):
    """Which errors to catch, by static values."""

    model_config = ConfigDict(extra="allow")
    with_: ErrorFilter | None = None


class Catch(DslModel):
    """Which errors to catch and what then to do: try again, run tasks, or go on."""

    errors: CatchErrors | None = None
    as_: Variable = "error"
    when: Expression | None = None
    except_when: Expression | None = None
    retry: RetryPolicy | str | None = None
    do: "TaskList | None" = None


class TryTask(TaskBase):
    """Runs tasks and handles their errors."""

    try_: "TaskList"
    catch: Catch


class WaitTask(TaskBase):
    """Waits for a while."""

    wait: Duration


Task = Annotated[
    Annotated[CallTask, Tag("task:call")]
    | Annotated[DoTask, Tag("task:do")]
    | Annotated[EmitTask, Tag("task:emit")]
    | Annotated[ForTask, Tag("task:for")]
    | Annotated[ForkTask, Tag("task:fork")]
    | Annotated[RaiseTask, Tag("task:raise")]
    | Annotated[SetTask, Tag("task:set")]
    | Annotated[SwitchTask, Tag("task:switch")]
    | Annotated[TryTask, Tag("task:try")]
    | Annotated[WaitTask, Tag("task:wait")],
    Discriminator(lambda value: f"task:{kind_of(value)}"),
]
TaskList = list[Annotated[dict[str, Task], Len(1, 1)]]

CompensateOn = Literal["fault", "cancel"]

for _model in (Compensation, DoTask, ForTask, Fork, Catch, TryTask):
    _model.model_rebuild()


def items(tasks: TaskList) -> list[tuple[str, Task]]:
    """The list's tasks with their names, in order."""
    return [next(iter(item.items())) for item in tasks]
