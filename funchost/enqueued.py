"""Telling a queue's listener that this very host has put a message there."""

from collections.abc import Callable


class EnqueuedWatcher:
    """As in the official host, a message sent by an output binding is fetched at once, not after the polling pause."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, str], Callable[[], None]] = {}

    def register(self, connection: str, queue_name: str, wake: Callable[[], None]) -> None:
        """Call `wake` for messages to the queue; a queue has one listener."""
        self._listeners[connection, queue_name] = wake

    def notify(self, connection: str, queue_name: str) -> None:
        """A message was sent to the queue."""
        wake = self._listeners.get((connection, queue_name))
        if wake is not None:
            wake()
