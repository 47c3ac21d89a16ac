"""Who calls, for whom, and until when: carried with a request or message through every hop."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Literal

PrincipalKind = Literal["service", "application", "user"]


@dataclass(frozen=True)
class Principal:
    """Who a request speaks for: `tenant` owns every row it touches, `subject` is its user or client."""

    subject: str
    tenant: str
    scopes: frozenset[str] = frozenset()
    kind: PrincipalKind = "application"
    client_id: str = ""

    def may(self, scope: str) -> bool:
        """Whether the token carries the scope."""
        return scope in self.scopes


@dataclass(frozen=True)
class CallContext:
    """What travels with a call: the principal, the correlation id and the moment (monotonic seconds) it must end."""

    principal: Principal
    correlation_id: str | None = None
    deadline_s: float | None = None

    def remaining_s(self) -> float | None:
        """Seconds left until the deadline, not below zero; None when there is none."""
        return None if self.deadline_s is None else max(0.0, self.deadline_s - monotonic())


_current: ContextVar[CallContext | None] = ContextVar("platform_call_context", default=None)


def current() -> CallContext | None:
    """The context of the call being handled; None outside any."""
    return _current.get()


def principal() -> Principal:
    """The principal of the call being handled.

    Raises RuntimeError outside any call: code that needs a tenant must never run without one.
    """
    call = _current.get()
    if call is None:
        raise RuntimeError("no call context: enter chassis.context.calling(...) first")
    return call.principal


def set_current(call: CallContext) -> None:
    """Set the context for the rest of this task (an HTTP request runs in a task of its own)."""
    _current.set(call)


@contextmanager
def calling(call: CallContext) -> Iterator[CallContext]:
    """Run a block in the given context and restore the former one after it."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
