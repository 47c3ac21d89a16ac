"""The tasks of the DSL, as one union told apart by the key that names the kind (and calls by what they call)."""

from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Len
from pydantic import Discriminator, Tag

from durable.workflow.dsl import asyncapi, iteration
from durable.workflow.dsl.base import DslModel, Expression, OpenModel
from durable.workflow.dsl.dataflow import Export, Input, Output
from durable.workflow.dsl.durations import Duration, TimeoutOrName
from durable.workflow.dsl.failures import RetryOrName
from durable.workflow.dsl.iteration import SubscriptionIterator
from durable.workflow.dsl.processes import Process
from durable.workflow.dsl.protocols import (
    A2aArguments,
    GrpcArguments,
    HttpArguments,
    McpArguments,
    OpenApiArguments,
)
from durable.workflow.dsl.task_parts import CatchErrors, Emit, ForEach, Listen, Raise, SwitchCase

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


class TaskMetadata(OpenModel):
    """Further information about a task; only `compensation` means something to the runtime."""

    compensation: Compensation | None = None


class TaskBase(DslModel):
    """What every task may have."""

    kind: ClassVar[str] = ""
    if_: Expression | None = None
    input: Input | None = None
    output: Output | None = None
    export: Export | None = None
    timeout: TimeoutOrName | None = None
    then: str | None = None
    metadata: TaskMetadata | None = None


class _Call(TaskBase):
    kind: ClassVar[str] = "call"


class CallAsyncApi(_Call):
    """Calls an operation of an AsyncAPI document."""

    call: Literal["asyncapi"]
    with_: "asyncapi.AsyncApiArguments"


class CallGrpc(_Call):
    """Calls a method of a gRPC service."""

    call: Literal["grpc"]
    with_: GrpcArguments


class CallHttp(_Call):
    """Makes an HTTP request."""

    call: Literal["http"]
    with_: HttpArguments


class CallOpenApi(_Call):
    """Calls an operation of an OpenAPI document."""

    call: Literal["openapi"]
    with_: OpenApiArguments


class CallA2a(_Call):
    """Calls an agent."""

    call: Literal["a2a"]
    with_: A2aArguments


class CallMcp(_Call):
    """Calls an MCP server."""

    call: Literal["mcp"]
    with_: McpArguments


class CallFunction(_Call):
    """Calls a function: of the platform's catalog, of `use.functions`, of a catalog of functions."""

    call: str
    with_: dict[str, Any] | None = None


class DoTask(TaskBase):
    """Runs tasks one after the other."""

    kind: ClassVar[str] = "do"
    do: "TaskList"


class EmitTask(TaskBase):
    """Announces an event."""

    kind: ClassVar[str] = "emit"
    emit: Emit


class ForTask(TaskBase):
    """Runs tasks for each item of a collection."""

    kind: ClassVar[str] = "for"
    for_: ForEach
    while_: Expression | None = None
    do: "TaskList"


class Fork(DslModel):
    """The branches to run at the same time; in a competition the first to complete wins."""

    branches: "TaskList"
    compete: bool = False


class ForkTask(TaskBase):
    """Runs branches concurrently."""

    kind: ClassVar[str] = "fork"
    fork: Fork


class ListenTask(TaskBase):
    """Waits for events."""

    kind: ClassVar[str] = "listen"
    listen: Listen
    foreach: SubscriptionIterator | None = None


class RaiseTask(TaskBase):
    """Raises an error."""

    kind: ClassVar[str] = "raise"
    raise_: Raise


class RunTask(TaskBase):
    """Runs a container, a script, a shell command or another workflow."""

    kind: ClassVar[str] = "run"
    run: Process


class SetTask(TaskBase):
    """Makes data."""

    kind: ClassVar[str] = "set"
    set: Annotated[dict[str, Any], Len(1)] | str


class SwitchTask(TaskBase):
    """Chooses where the flow goes on."""

    kind: ClassVar[str] = "switch"
    switch: Annotated[list[Annotated[dict[str, SwitchCase], Len(1, 1)]], Len(1)]


class Catch(DslModel):
    """Which errors to catch and what then to do: try again, run tasks, or go on."""

    errors: CatchErrors | None = None
    as_: str = "error"
    when: Expression | None = None
    except_when: Expression | None = None
    retry: RetryOrName | None = None
    do: "TaskList | None" = None


class TryTask(TaskBase):
    """Runs tasks and handles their errors."""

    kind: ClassVar[str] = "try"
    try_: "TaskList"
    catch: Catch


class WaitTask(TaskBase):
    """Waits for a while."""

    kind: ClassVar[str] = "wait"
    wait: Duration


PROTOCOL_CALLS = (CallAsyncApi, CallGrpc, CallHttp, CallOpenApi, CallA2a, CallMcp)
PROTOCOLS = ("asyncapi", "grpc", "http", "openapi", "a2a", "mcp")


def _callee(value: Any) -> str:
    called = value.get("call") if isinstance(value, dict) else value.call
    return f"call:{called}" if called in PROTOCOLS else "call:function"


CallTask = Annotated[
    Annotated[CallAsyncApi, Tag("call:asyncapi")]
    | Annotated[CallGrpc, Tag("call:grpc")]
    | Annotated[CallHttp, Tag("call:http")]
    | Annotated[CallOpenApi, Tag("call:openapi")]
    | Annotated[CallA2a, Tag("call:a2a")]
    | Annotated[CallMcp, Tag("call:mcp")]
    | Annotated[CallFunction, Tag("call:function")],
    Discriminator(_callee),
]

Task = Annotated[
    Annotated[CallTask, Tag("task:call")]
    | Annotated[DoTask, Tag("task:do")]
    | Annotated[EmitTask, Tag("task:emit")]
    | Annotated[ForTask, Tag("task:for")]
    | Annotated[ForkTask, Tag("task:fork")]
    | Annotated[ListenTask, Tag("task:listen")]
    | Annotated[RaiseTask, Tag("task:raise")]
    | Annotated[RunTask, Tag("task:run")]
    | Annotated[SetTask, Tag("task:set")]
    | Annotated[SwitchTask, Tag("task:switch")]
    | Annotated[TryTask, Tag("task:try")]
    | Annotated[WaitTask, Tag("task:wait")],
    Discriminator(
        lambda value: f"task:{kind_of(value)}" if kind_of(value) else None,
        custom_error_type="kind_missing",
        custom_error_message=f"a task has one of the keys {', '.join(sorted(KIND_KEYS))}",
    ),
]
TaskList = list[Annotated[dict[str, Task], Len(1, 1)]]

CompensateOn = Literal["fault", "cancel"]

_AWAITING_TASKS = (
    *(iteration.SubscriptionIterator, asyncapi.AsyncApiSubscription, asyncapi.AsyncApiArguments),
    *(Compensation, TaskMetadata, TaskBase, CallAsyncApi, DoTask, ForTask, Fork, ForkTask, ListenTask),
    *(Catch, TryTask),
)
for _model in _AWAITING_TASKS:
    _model.model_rebuild(_types_namespace={**globals()})


def items(tasks: TaskList) -> list[tuple[str, Task]]:
    """The list's tasks with their names, in order."""
    return [next(iter(item.items())) for item in tasks]
