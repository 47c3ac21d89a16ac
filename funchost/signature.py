"""How a function's Python signature meets its bindings, with the checks of the Python worker."""

import inspect
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from funchost.converters import GENERIC, Converter, converter_for
from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import HostError

RETURN = "$return"
_DURABLE_TRIGGERS = frozenset({"orchestrationTrigger", "activityTrigger", "entityTrigger"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One bound parameter: `python_type` is the annotation without Out[...]; None when there is none."""

    binding: Binding
    converter: Converter
    python_type: Any

    @property
    def name(self) -> str:
        """The parameter's name; "$return" for the return value."""
        return self.binding.name


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Everything about calling a function that can be known before the first call."""

    function: Callable[..., Any]
    is_async: bool
    needs_context: bool
    trigger: Parameter
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    returns: Parameter | None


def plan_call(definition: FunctionDefinition) -> CallPlan:
    """The call plan of the function. Raises HostError where signature and bindings disagree."""
    function = definition.user_function
    parameters = dict(inspect.signature(function).parameters)
    annotations = _annotations(function, definition)
    bound = {b.name: b for b in definition.bindings if b.name != RETURN}
    needs_context = "context" in parameters and "context" not in bound
    if needs_context:
        del parameters["context"]
    _check_names(set(parameters), set(bound), definition)
    bindings = {name: _parameter(binding, annotations.get(name), definition) for name, binding in bound.items()}
    trigger = bindings.pop(definition.trigger.name)
    return CallPlan(
        function=function,
        is_async=inspect.iscoroutinefunction(function),
        needs_context=needs_context,
        trigger=trigger,
        inputs=tuple(p for p in bindings.values() if not p.binding.is_output),
        outputs=tuple(p for p in bindings.values() if p.binding.is_output),
        returns=_return_parameter(definition, trigger, annotations.get("return")),
    )


def _annotations(function: Callable[..., Any], definition: FunctionDefinition) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError) as error:
        remedy = "Import what the annotation names, or remove it."
        raise HostError(f"An annotation cannot be resolved: {error}", where=definition.where, remedy=remedy) from None


def _check_names(parameters: set[str], bound: set[str], definition: FunctionDefinition) -> None:
    if undeclared := parameters - bound:
        raise HostError(
            f"Function {definition.name} has parameters without a binding: {', '.join(sorted(undeclared))}",
            where=definition.where,
            remedy="Bind them with a decorator, or remove them.",
        )
    if missing := bound - parameters:
        raise HostError(
            f"Function {definition.name} has bindings without a parameter: {', '.join(sorted(missing))}",
            where=definition.where,
            remedy="Add parameters of these names to the function.",
        )


def _parameter(binding: Binding, annotation: Any, definition: FunctionDefinition) -> Parameter:
    is_out = _is_out(annotation)
    if annotation is not None and is_out != binding.is_output:
        wanted = "azure.functions.Out[...]" if binding.is_output else "no azure.functions.Out"
        raise HostError(
            f"Parameter {binding.name} of function {definition.name} needs {wanted}",
            where=definition.where,
            remedy=f"The binding {binding.type} is an {'output' if binding.is_output else 'input'}.",
        )
    python_type = typing.get_args(annotation)[0] if is_out and typing.get_args(annotation) else annotation
    parameter = Parameter(binding, _converter(binding, python_type), python_type)
    _check_type(parameter, definition)
    return parameter


def _is_out(annotation: Any) -> bool:
    return getattr(typing.get_origin(annotation) or annotation, "__name__", None) == "Out"


def _converter(binding: Binding, python_type: Any) -> Converter:
    """The worker hands str and bytes parameters to the generic converter, but for durable triggers.

    So do we with SDK types, which their binding makes whole.
    """
    if (python_type in (str, bytes) or is_sdk_type(python_type)) and binding.type not in _DURABLE_TRIGGERS:
        return converter_for(GENERIC)
    return converter_for(binding.type)


def _check_type(parameter: Parameter, definition: FunctionDefinition) -> None:
    binding, python_type = parameter.binding, parameter.python_type
    if not isinstance(python_type, type):
        return
    if binding.type == "httpTrigger" and takes_web_request(python_type):
        return
    converter = parameter.converter
    check = converter.check_output_type_annotation if binding.is_output else converter.check_input_type_annotation
    # The SDK wraps orchestrators and entities, so that the annotation left is the Durable SDK's own.
    if binding.type not in _DURABLE_TRIGGERS and not check(python_type):
        raise HostError(
            f"Parameter {binding.name} of function {definition.name} is annotated {python_type.__name__}, "
            f"which the binding {binding.type} does not give",
            where=definition.where,
            remedy="Correct the annotation, or remove it.",
        )


def takes_web_request(python_type: Any) -> bool:
    """Whether it is the request type of an imported web extension (azurefunctions-extensions-http-fastapi)."""
    base = sys.modules.get("azurefunctions.extensions.base")
    return base is not None and bool(base.RequestTrackerMeta.check_type(python_type))


def is_sdk_type(python_type: Any) -> bool:
    """Whether it is a type of an imported binding extension (azurefunctions-extensions-bindings-blob)."""
    base = sys.modules.get("azurefunctions.extensions.base")
    return base is not None and bool(base.get_binding_registry().check_supported_type(python_type))


def _return_parameter(definition: FunctionDefinition, trigger: Parameter, annotation: Any) -> Parameter | None:
    explicit = next((b for b in definition.bindings if b.name == RETURN), None)
    if explicit is not None:
        return Parameter(explicit, converter_for(explicit.type), annotation)
    if definition.trigger.type in _DURABLE_TRIGGERS:  # their result goes back to the engine without a binding
        return trigger
    return None
