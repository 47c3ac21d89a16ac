"""Making a failed invocation again, as its function's policy says."""

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

from funchost.context import Context, RetryContext
from funchost.function import BoundFunction

log = logging.getLogger("Function")
Attempt = Callable[[Any, Context], Awaitable[Any]]


class Retrying:
    """Retries inside one host; what called the function (a message's lease, a timer) waits meanwhile."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin no more retries: the host drains, and what failed fails, so that a message comes back."""
        self._stopping.set()

    async def run(self, function: BoundFunction, value: Any, context: Context, attempt: Attempt) -> Any:
        """The result of the first attempt that succeeds. Raises what the last one raised."""
        policy = function.retry
        if policy is None:
            return await attempt(value, context)
        retries, failure = 0, None
        while True:
            given = copy.deepcopy(value) if isinstance(value, func.InputStream) else value  # a stream is read once
            try:
                retry = RetryContext(retries, policy.max_retries, failure)
                return await attempt(given, context.for_attempt(retry))
            except Exception as error:
                if not policy.allows(retries) or not await self._wait(function, policy.delay_s(retries)):
                    raise
                retries, failure = retries + 1, error

    async def _wait(self, function: BoundFunction, delay_s: float) -> bool:
        """Whether the wait is over; False when the host stops first."""
        log.info("Function '%s' failed and is retried in %.1f s", function.name, delay_s)
        try:
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        except TimeoutError:
            return True
        return False
