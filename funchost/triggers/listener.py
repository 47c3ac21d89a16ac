"""What the host starts and stops."""

from typing import Protocol


class Listener(Protocol):
    """A source of invocations."""

    async def start(self) -> None:
        """Begin to listen; returns when listening, or when the service is away and being retried."""
        ...

    async def stop(self) -> None:
        """Take no new work; returns at once. Invocations in flight go on."""
        ...

    async def drained(self) -> None:
        """Return when the work already taken is finished and settled."""
        ...
