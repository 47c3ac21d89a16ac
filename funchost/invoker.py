"""Run functions: async ones on the loop, sync ones on threads, with timeout, log lines and in-flight count."""

import asyncio
import concurrent.futures
import logging
import os
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from funchost.bindings.ports import BindingData
from funchost.context import Context, current_invocation
from funchost.deadlines import Deadlines
from funchost.errors import InvocationError
from funchost.function import BoundFunction
from funchost.in_flight import InFlight
from funchost.retrying import Retrying
from funchost.signature import CallPlan

log = logging.getLogger("Function")
_HOST_CODE = (str(Path(__file__).parent), str(Path(concurrent.futures.__file__).parent))


def thread_count() -> int | None:
    """PYTHON_THREADPOOL_THREAD_COUNT; None (Python's default: processors + 4, at most 32) when unset."""
    value = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    if value and not value.isdigit():
        log.warning("PYTHON_THREADPOOL_THREAD_COUNT is not a number and does not count")
    return max(1, min(32, int(value))) if value.isdigit() else None


def app_traceback(error: Exception) -> tuple[type[Exception], Exception, TracebackType | None] | None:
    """exc_info that begins in the app's code; None for a wrongly used binding, which its message tells in full."""
    if isinstance(error, InvocationError):
        return None
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HOST_CODE):
        trace = trace.tb_next
    return type(error), error, trace


class Invoker:
    """Runs every invocation of the host.

    A sync function that outlives the timeout fails, but its thread runs on: Python cannot stop a thread. (The official
    host restarts the whole worker process.)
    """

    def __init__(self, timeout: timedelta | None = None) -> None:
        self._deadlines = Deadlines(timeout.total_seconds() if timeout else None)
        self._threads = ThreadPoolExecutor(thread_count(), thread_name_prefix="function")
        # Replay must not wait behind activities that block every thread, or an orchestration could starve itself; the
        # same holds for entities, whose answers activities may wait for.
        self._replay_threads = ThreadPoolExecutor(2, thread_name_prefix="orchestrator")
        self.in_flight = InFlight()
        self._retrying = Retrying()

    async def execute(
        self, function: BoundFunction, value: Any, data: BindingData, context: Context, *, level: int = logging.INFO
    ) -> Any:
        """Bind, call and write outputs; returns the function's result (the HTTP response of an HTTP function).

        `value` is the decoded trigger; start and success are logged at `level`. Raises what the function or a
        binding raised, after logging it and after the retries of the function's policy; TimeoutError after
        functionTimeout, which each attempt has anew.
        """
        if function.retry is None:
            return await self._attempt(function, value, data, context, level)

        def attempt(value: Any, context: Context) -> Awaitable[Any]:
            return self._attempt(function, value, data, context, level)

        return await self._retrying.run(function, value, context, attempt)

    def stop_retries(self) -> None:
        """Begin no more retries; what waits for one fails."""
        self._retrying.stop()

    async def _attempt(
        self, function: BoundFunction, value: Any, data: BindingData, context: Context, level: int
    ) -> Any:
        token = current_invocation.set(context)
        self.in_flight.begin()
        try:
            if not log.isEnabledFor(level):
                return await self._run(function, value, data, context)
            started = time.perf_counter()
            log.log(level, "Executing 'Functions.%s'", function.name)
            result = await self._run(function, value, data, context)
            duration_ms = (time.perf_counter() - started) * 1000
            log.log(level, "Executed 'Functions.%s' (Succeeded, Duration=%.0fms)", function.name, duration_ms)
            return result
        except Exception as error:
            message = "Executed 'Functions.%s' (Failed): %s: %s"
            log.error(message, function.name, type(error).__name__, error, exc_info=app_traceback(error))
            raise
        finally:
            self.in_flight.end()
            current_invocation.reset(token)

    async def _run(self, function: BoundFunction, value: Any, data: BindingData, context: Context) -> Any:
        plan = function.plan
        arguments: dict[str, Any] = {plan.trigger.name: value}
        if plan.needs_context:
            arguments["context"] = context
        task = self._deadlines.begin()
        try:
            if not function.has_bindings:  # most HTTP functions: nothing but the call
                return await (plan.function(**arguments) if plan.is_async else self._on_thread(plan, arguments))
            await function.read_inputs(arguments, data)
            outs = function.make_outs(arguments)
            returned = await (plan.function(**arguments) if plan.is_async else self._on_thread(plan, arguments))
            await function.write_outputs(outs, returned, data)
            return function.result(outs, returned)
        except asyncio.CancelledError:
            if self._deadlines.is_overdue(task):
                raise TimeoutError(f"functionTimeout ({self._deadlines.timeout_s:.0f} s) is over") from None
            raise
        finally:
            self._deadlines.end(task)

    def _on_thread(self, plan: CallPlan, arguments: dict[str, Any]) -> asyncio.Future[Any]:
        is_replay = plan.trigger.binding.type in ("orchestrationTrigger", "entityTrigger")
        threads = self._replay_threads if is_replay else self._threads
        call = partial(copy_context().run, partial(plan.function, **arguments))
        return asyncio.get_running_loop().run_in_executor(threads, call)

    def close(self) -> None:
        """Let go of the threads; those that still work are not waited for."""
        self._deadlines.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._replay_threads.shutdown(wait=False, cancel_futures=True)
