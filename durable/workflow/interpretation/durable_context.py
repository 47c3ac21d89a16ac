"""What interpreting needs of the durable orchestration context: ports, so that tests bring an engine of a few lines."""

from datetime import datetime
from typing import Any, Protocol


class DurableTask(Protocol):
    """What the durable context gives for a timer, an event or an activity."""

    result: Any

    @property
    def is_completed(self) -> bool:
        """Whether it has ended, well or not."""


class DurableTimer(DurableTask, Protocol):
    """A durable timer."""

    def cancel(self) -> None:
        """Take an open timer back."""


class OrchestrationContext(Protocol):
    """The part of the durable orchestration context that interpreting needs."""

    @property
    def current_utc_datetime(self) -> datetime:
        """The orchestration's own clock: the same at the same point of every replay."""

    def call_activity(self, name: str, input_: Any = None) -> DurableTask:
        """Schedule an activity."""

    def create_timer(self, fire_at: datetime) -> DurableTimer:
        """A durable timer."""

    def wait_for_external_event(self, name: str) -> DurableTask:
        """The next external event of that name, already raised or still to come."""

    def task_any(self, activities: list[DurableTask]) -> DurableTask:
        """Completes with the first of them."""

    def get_input(self) -> Any:
        """The orchestration's input."""

    def continue_as_new(self, input_: Any) -> None:
        """Begin a new execution with that input and an empty history, once the orchestrator has ended."""
