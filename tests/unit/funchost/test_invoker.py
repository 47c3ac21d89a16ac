import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from funchost.bindings.ports import NOTHING, BindingData
from funchost.context import current_invocation
from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import InvocationError
from funchost.function import BoundFunction
from funchost.invoker import Invoker, app_traceback
from funchost.signature import plan_call

_TRIGGER = Binding("msg", "queueTrigger", False, {})
_IN = Binding("doc", "blob", False, {})
_OUT = Binding("out", "queue", True, {})
_RETURN = Binding("$return", "queue", True, {})


class _Memory:
    """An input and output binding that remembers."""

    def __init__(self, value: Datum = NOTHING) -> None:
        self.value = value
        self.written: list[Any] = []

    async def read(self, data: BindingData) -> Datum:
        return self.value

    async def write(self, datum: Datum, data: BindingData) -> None:
        self.written.append(datum.value)


def _bind(function: Callable[..., Any], *bindings: Binding, **services: _Memory) -> BoundFunction:
    definition = FunctionDefinition("f", function, Path("/app/function_app.py"), (_TRIGGER, *bindings), _TRIGGER)
    plan = plan_call(definition)
    return BoundFunction(
        definition,
        plan,
        inputs=tuple((p, services[p.name]) for p in plan.inputs),
        outputs=tuple((p, services[p.name]) for p in plan.outputs),
        return_output=(plan.returns, services["returned"]) if plan.returns else None,
    )


async def _execute(function: BoundFunction, invoker: Invoker | None = None) -> Any:
    invoker = invoker or Invoker()
    try:
        return await invoker.execute(function, "hello", {}, function.new_context())
    finally:
        invoker.close()


async def test_async_functions_run_on_the_loop_and_sync_ones_on_threads() -> None:
    async def on_loop(msg: str) -> int:
        return threading.get_ident()

    def on_thread(msg: str) -> int:
        return threading.get_ident()

    assert await _execute(_bind(on_loop)) == threading.get_ident()
    assert await _execute(_bind(on_thread)) != threading.get_ident()


@pytest.mark.parametrize("is_async", [True, False])
async def test_the_invocation_is_known_inside_and_forgotten_after(is_async: bool) -> None:
    seen: list[Any] = []

    def note(context: func.Context) -> None:
        current = current_invocation.get()
        seen.append((current.invocation_id if current else None, context.invocation_id))

    async def on_loop(msg: str, context: func.Context) -> None:
        note(context)

    def on_thread(msg: str, context: func.Context) -> None:
        note(context)

    await _execute(_bind(on_loop if is_async else on_thread))
    assert seen[0][0] == seen[0][1]
    assert current_invocation.get() is None


async def test_inputs_are_read_and_outputs_and_the_return_value_written() -> None:
    def f(msg: str, doc: str, out: func.Out[str]) -> str:
        out.set(f"{msg} {doc}")
        return "returned"

    out, returned = _Memory(), _Memory()
    function = _bind(f, _IN, _OUT, _RETURN, doc=_Memory(Datum("doc", "string")), out=out, returned=returned)
    await _execute(function)
    assert out.written == ["hello doc"]
    assert returned.written == ["returned"]


async def test_a_missing_input_is_none_and_what_is_not_set_is_not_written() -> None:
    seen: list[Any] = []

    def f(msg: str, doc: str, out: func.Out[str]) -> None:
        seen.append(doc)

    out, returned = _Memory(), _Memory()
    await _execute(_bind(f, _IN, _OUT, _RETURN, doc=_Memory(), out=out, returned=returned))
    assert seen == [None]
    assert out.written == returned.written == []


async def test_an_http_response_may_be_set_in_an_out() -> None:
    def f(msg: str, response: func.Out[func.HttpResponse]) -> None:
        response.set(func.HttpResponse("made"))

    http = Binding("response", "http", True, {})
    definition = FunctionDefinition("f", f, Path("/app/function_app.py"), (_TRIGGER, http), _TRIGGER)
    function = BoundFunction(definition, plan_call(definition), http_output="response")
    assert (await _execute(function)).get_body() == b"made"


async def test_a_value_that_the_binding_does_not_take_fails_the_invocation() -> None:
    def f(msg: str, out: func.Out[str]) -> None:
        out.set(5)  # type: ignore[arg-type]

    with pytest.raises(InvocationError, match="does not accept a value of type int"):
        await _execute(_bind(f, _OUT, out=_Memory()))


async def test_a_function_that_runs_too_long_is_cut_off() -> None:
    async def f(msg: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="functionTimeout"):
        await _execute(_bind(f), Invoker(timedelta(milliseconds=1)))


async def test_a_cancellation_from_outside_is_no_timeout() -> None:
    started = asyncio.Event()

    async def f(msg: str) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_execute(_bind(f), Invoker(timedelta(minutes=1))))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_in_flight_is_counted_and_can_be_waited_for() -> None:
    go = asyncio.Event()

    async def f(msg: str) -> None:
        await go.wait()

    invoker, function = Invoker(), _bind(f)
    task = asyncio.create_task(invoker.execute(function, "", {}, function.new_context()))
    await asyncio.sleep(0)
    assert invoker.in_flight.count == 1
    go.set()
    await invoker.in_flight.ended()
    await task
    assert invoker.in_flight.count == 0


async def test_a_failure_is_logged_with_the_apps_own_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(msg: str) -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="no"):
        await _execute(_bind(broken))
    (record,) = caplog.records
    assert record.getMessage() == "Executed 'Functions.f' (Failed): ValueError: no"
    assert record.exc_info is not None
    trace = record.exc_info[2]
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "broken"


def test_a_wrongly_used_binding_needs_no_traceback() -> None:
    assert app_traceback(InvocationError("x")) is None
