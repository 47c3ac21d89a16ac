"""func.Context and func.Out of one invocation."""

import os
import threading
from contextvars import ContextVar
from typing import Any

import azure.functions as func
from azure.functions import _abc

thread_local_storage = threading.local()


def new_invocation_id() -> str:
    """A random UUID in its usual text form (quicker than uuid.uuid4, which dominates a hello-world call)."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class TraceContext(_abc.TraceContext):
    """W3C trace context; starts a trace of its own, when first asked, if the caller sent none."""

    __slots__ = ("_attributes", "_trace_parent", "_trace_state")

    def __init__(self, trace_parent: str | None = None, trace_state: str | None = None) -> None:
        self._trace_parent = trace_parent
        self._trace_state = trace_state
        self._attributes: dict[str, str] = {}

    @property
    def trace_parent(self) -> str:
        """The traceparent header."""
        if not self._trace_parent:
            self._trace_parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"
        return self._trace_parent

    @property
    def trace_state(self) -> str:
        """The tracestate header, or ""."""
        return self._trace_state or ""

    @property
    def attributes(self) -> dict[str, str]:
        """Empty; the official host puts its Application Insights tags here."""
        return self._attributes

    # The worker's own class has these names too, and code in the wild reads them.
    Traceparent = trace_parent
    Tracestate = trace_state
    Attributes = attributes


class RetryContext(_abc.RetryContext):
    """Which attempt this is; zeros where the function has no retry policy."""

    __slots__ = ("_exception", "_max_retry_count", "_retry_count")

    def __init__(self, retry_count: int = 0, max_retry_count: int = 0, exception: Any = None) -> None:
        self._retry_count = retry_count
        self._max_retry_count = max_retry_count
        self._exception = exception

    @property
    def retry_count(self) -> int:
        """Retries made before this attempt."""
        return self._retry_count

    @property
    def max_retry_count(self) -> int:
        """Retries allowed; -1 without limit."""
        return self._max_retry_count

    @property
    def exception(self) -> Any:
        """What the last attempt raised, or None."""
        return self._exception


class Context(func.Context):
    """What a function receives as `context`."""

    __slots__ = ("_directory", "_invocation_id", "_name", "_retry", "_trace")

    def __init__(
        self, name: str, directory: str, trace: TraceContext | None = None, retry: RetryContext | None = None
    ) -> None:
        self._name = name
        self._directory = directory
        self._invocation_id = ""
        self._trace = trace
        self._retry = retry

    def for_attempt(self, retry: RetryContext) -> "Context":
        """The context of one attempt: an invocation of its own in the same trace."""
        return Context(self._name, self._directory, self._trace, retry)

    @property
    def invocation_id(self) -> str:
        """The id that the log lines of this invocation carry; drawn when first asked for."""
        if not self._invocation_id:
            self._invocation_id = new_invocation_id()
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Storage in which user threads set `invocation_id` for their log lines."""
        return thread_local_storage

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._name

    @property
    def function_directory(self) -> str:
        """The folder of the app."""
        return self._directory

    @property
    def trace_context(self) -> TraceContext:
        """The trace of the caller."""
        if self._trace is None:
            self._trace = TraceContext()
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        """The attempt."""
        if self._retry is None:
            self._retry = RetryContext()
        return self._retry


class Out(func.Out[Any]):
    """An output parameter; what is never set is not written."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Set the value to write when the function returns."""
        self._value = val

    def get(self) -> Any:
        """The value set so far, or None."""
        return self._value


current_invocation: ContextVar[Context | None] = ContextVar("current_invocation", default=None)
"""Whose log lines are being written; None outside of invocations."""
