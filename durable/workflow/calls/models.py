"""What a call that leaves the platform takes with it to its activity."""

from typing import Any, Literal

from chassis.models import Contract
from chassis.work import WorkContext
from durable.workflow.deferral import Deferred, Scope
from durable.workflow.models import Progress

Protocol = Literal["http", "openapi", "grpc", "asyncapi", "function", "process"]
"""What is spoken; `function` fetches the definition of a function, `process` runs a script or a command."""


class OutgoingCall(Contract):
    """One call. `arguments` are the task's `with`, filled but for what is deferred; `secrets` names those it may read.

    `timeout_s` is what is left of the time limits around it, None when there is none. The same key is the
    same call to the receiver.
    """

    key: str
    protocol: Protocol
    arguments: dict[str, Any]
    deferred: tuple[Deferred, ...] = ()
    scope: Scope = Scope()
    secrets: tuple[str, ...] = ()
    timeout_s: float | None = None
    work: WorkContext
    progress: Progress | None = None
