"""Handlers of messages that are measured: one that does next to nothing, and one that keeps a core busy."""

from collections.abc import Sequence
from typing import Any

from bench.apps.tally import Tally
from functions.processing.messages.handlers import HandlerMessage, handler

ROUNDS = 12_000
tally = Tally()


def read(data: dict[str, Any]) -> int:
    """What the handler does with one message; the peer's task does the same."""
    return len(data["pad"]) + int(data["v"])


@handler("bench-read", batch=2000)
def read_all(messages: Sequence[HandlerMessage]) -> None:
    """Read every message."""
    tally.begin()
    for message in messages:
        read(message.data)
    tally.add(len(messages))


@handler("bench-work", batch=50)
def work(messages: Sequence[HandlerMessage]) -> None:
    """Compute about a millisecond for every message, in Python."""
    tally.begin()
    for message in messages:
        value = int(message.data["v"])
        for step in range(ROUNDS):
            value = (value * 1_103_515_245 + step) & 0x7FFFFFFF
    tally.add(len(messages))
