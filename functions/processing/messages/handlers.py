"""Handlers: plain Python functions, registered by name, that are given batches of messages.

    @handler("count-words")
    async def count_words(messages: Sequence[HandlerMessage]) -> None: ...

A handler may be async or not (then it runs on a thread, for several partitions at once). It may see a message again
after a crash, so its effect must be idempotent by message id; copies that a producer sends are left out for ten
minutes. One that raises is given its messages one by one, and those that it still refuses are kept as poison; a
retryable PlatformError is no refusal, but a dependency that is away: the batch waits.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from chassis.errors import can_retry
from chassis.settings import get_settings
from functions.processing.messages.processors import UnknownTarget


@dataclass(frozen=True, slots=True)
class HandlerMessage:
    """One message as a handler sees it."""

    id: str
    key: str
    data: Any
    tenant: str


class Refused(Exception):
    """Raised by a handler: the messages of a batch that it can't do, by id, with the reason; the rest is done."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(f"{len(reasons)} messages refused")
        self.reasons = dict(reasons)


Function = Callable[[Sequence[HandlerMessage]], Awaitable[None] | None]


@dataclass(frozen=True)
class Handler:
    """A registered function; it is given at most `batch` messages at once."""

    name: str
    function: Function
    batch: int = 500


_HANDLERS: dict[str, Handler] = {}
ATTEMPTS = 3
"""So often a message is tried alone before it is poison."""


def handler(name: str, *, batch: int = 500) -> Callable[[Function], Function]:
    """Register a function. Raises ValueError when the name is taken."""

    def register(function: Function) -> Function:
        if name in _HANDLERS and _HANDLERS[name].function is not function:
            raise ValueError(f"two handlers are called {name}")
        _HANDLERS[name] = Handler(name, function, batch)
        return function

    return register


@cache
def _imported() -> None:
    """The modules of PLATFORM_PROCESSING_HANDLERS register theirs when they are imported."""
    for module in get_settings().processing_handlers:
        import_module(module)


def handler_named(name: str) -> Handler:
    """A registered handler. Raises UnknownTarget."""
    _imported()
    found = _HANDLERS.get(name)
    if found is None:
        raise UnknownTarget(f"no handler is called {name}")
    return found


async def run(found: Handler, messages: Sequence[HandlerMessage]) -> dict[str, str]:
    """Give a handler its messages; the reasons of those that it refuses, by id. Raises what a retry may mend."""
    refused: dict[str, str] = {}
    for at in range(0, len(messages), found.batch):
        refused |= await _run_batch(found, messages[at : at + found.batch])
    return refused


async def _run_batch(found: Handler, batch: Sequence[HandlerMessage]) -> dict[str, str]:
    try:
        await _call(found.function, batch)
    except Refused as refusal:
        return refusal.reasons
    except Exception as error:
        if can_retry(error):
            raise
        return {message.id: reason for message in batch if (reason := await _alone(found, message)) is not None}
    return {}


async def _alone(found: Handler, message: HandlerMessage) -> str | None:
    """Why a message can't be done alone; None when it can."""
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            await _call(found.function, [message])
        except Refused as refusal:
            return refusal.reasons.get(message.id)
        except Exception as error:
            if can_retry(error):
                raise
            reason = f"{type(error).__name__}: {error}"
        else:
            return None
    return reason


async def _call(function: Function, batch: Sequence[HandlerMessage]) -> None:
    if inspect.iscoroutinefunction(function):
        await function(batch)
    else:
        await asyncio.to_thread(function, batch)
