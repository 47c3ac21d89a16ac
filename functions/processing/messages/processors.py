"""What does the messages of one target on one partition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.errors import Unprocessable
from chassis.messaging.envelope import EnvelopeMessage
from chassis.work import WorkContext


class UnknownTarget(Unprocessable):
    """There is no such handler or stream (any more); the messages are kept as poison."""

    code, title = "processing.unknown-target", "There is no such target"


@dataclass(frozen=True)
class Poisoned:
    """A message that can't be done, and why."""

    message: EnvelopeMessage
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: everything that is not poisoned is done, and stored as done."""

    poisoned: Sequence[Poisoned] = ()
    duplicates: int = 0
    late: int = 0


class Processor(Protocol):
    """One target on one partition. After an error it is closed and opened anew, from what was stored."""

    async def process(self, messages: Sequence[EnvelopeMessage], work: WorkContext) -> Outcome:
        """Do a batch. When it returns, the batch is stored as done; copies of its messages change nothing."""

    async def tick(self) -> None:
        """Called every second or so while nothing waits."""

    def close(self) -> None:
        """Give back what it holds."""


class Opens(Protocol):
    """Opens processors. Raises UnknownTarget."""

    async def open(self, tenant: str, name: str, partition: int) -> Processor:
        """The processor, with the state that was stored last."""
