from collections.abc import Callable
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import HostError
from funchost.signature import plan_call

_TRIGGER = Binding("req", "httpTrigger", False, {})
_RETURN = Binding("$return", "http", True, {})
_OUT = Binding("out", "queue", True, {})


def _definition(function: Callable[..., Any], *bindings: Binding) -> FunctionDefinition:
    return FunctionDefinition("f", function, Path("/app/function_app.py"), (*bindings, _RETURN, _TRIGGER), _TRIGGER)


def test_trigger_outputs_and_context_are_told_apart() -> None:
    async def f(req: func.HttpRequest, out: func.Out[list[str]], context: func.Context) -> str:
        return ""

    plan = plan_call(_definition(f, _OUT))
    assert plan.is_async
    assert plan.needs_context
    assert plan.trigger.name == "req"
    assert [p.name for p in plan.outputs] == ["out"]
    assert plan.outputs[0].python_type == list[str]
    assert plan.returns is not None


def test_a_bound_parameter_named_context_is_no_func_context() -> None:
    trigger = Binding("context", "orchestrationTrigger", False, {})

    def f(context: Any) -> str:
        return ""

    definition = FunctionDefinition("f", f, Path("/app/function_app.py"), (trigger,), trigger)
    assert not plan_call(definition).needs_context


def test_str_parameters_get_the_text_itself() -> None:
    trigger = Binding("msg", "queueTrigger", False, {})

    def f(msg: str) -> None: ...

    plan = plan_call(FunctionDefinition("f", f, Path("/app/function_app.py"), (trigger,), trigger))
    assert plan.trigger.converter.__name__ == "GenericConverter"  # type: ignore[attr-defined]


def test_a_parameter_without_binding_is_named() -> None:
    def f(req: func.HttpRequest, extra: str) -> str:
        return ""

    with pytest.raises(HostError, match="without a binding: extra"):
        plan_call(_definition(f))


def test_a_binding_without_parameter_is_named() -> None:
    def f(req: func.HttpRequest) -> str:
        return ""

    with pytest.raises(HostError, match="without a parameter: out"):
        plan_call(_definition(f, _OUT))


def test_an_output_needs_out() -> None:
    def f(req: func.HttpRequest, out: str) -> str:
        return ""

    with pytest.raises(HostError, match="Out"):
        plan_call(_definition(f, _OUT))


def test_an_input_takes_no_out() -> None:
    def f(req: func.Out[str]) -> str:
        return ""

    with pytest.raises(HostError, match=r"no azure\.functions\.Out"):
        plan_call(_definition(f))


def test_an_annotation_that_the_binding_does_not_give_is_refused() -> None:
    def f(req: func.QueueMessage) -> str:
        return ""

    with pytest.raises(HostError, match="QueueMessage"):
        plan_call(_definition(f))
