"""A function ready to be called: definition, call plan and its bindings' services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funchost.bindings.ports import BindingData, InputBinding, OutputBinding
from funchost.context import Context, Out, RetryContext, TraceContext
from funchost.converters import decode, encode
from funchost.definitions import FunctionDefinition
from funchost.retry import RetryPolicy
from funchost.signature import CallPlan, Parameter

HTTP_OUTPUT = "http"


@dataclass(frozen=True, slots=True)
class BoundFunction:
    """`inputs` and `outputs` hold no trigger and no HTTP response; `http_output` is "$return", an Out's name or ""."""

    definition: FunctionDefinition
    plan: CallPlan
    inputs: tuple[tuple[Parameter, InputBinding], ...] = ()
    outputs: tuple[tuple[Parameter, OutputBinding], ...] = ()
    return_output: tuple[Parameter, OutputBinding] | None = None
    http_output: str = ""
    retry: RetryPolicy | None = None
    name: str = field(init=False)
    has_bindings: bool = field(init=False)
    """Whether there is anything to read or write beside the trigger and a returned HTTP response."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.definition.name)
        bound = self.inputs or self.plan.outputs or self.return_output
        object.__setattr__(self, "has_bindings", bool(bound))

    def new_context(self, trace: TraceContext | None = None, retry: RetryContext | None = None) -> Context:
        """The context of a new invocation."""
        return Context(self.name, self.definition.directory, trace, retry)

    async def read_inputs(self, arguments: dict[str, Any], data: BindingData) -> None:
        """Add the values of the input bindings to the arguments."""
        for parameter, binding in self.inputs:
            datum = await binding.read(data)
            arguments[parameter.name] = decode(parameter.converter, datum, {}, f"parameter {parameter.name}")

    def make_outs(self, arguments: dict[str, Any]) -> dict[str, Out]:
        """Add an Out per output parameter to the arguments; returns them by name."""
        outs = {parameter.name: Out() for parameter in self.plan.outputs}
        arguments.update(outs)
        return outs

    async def write_outputs(self, outs: Mapping[str, Out], returned: Any, data: BindingData) -> None:
        """Write what was set and returned; None means nothing to write."""
        written = [(parameter, binding, outs[parameter.name].get()) for parameter, binding in self.outputs]
        if self.return_output is not None:
            written.append((*self.return_output, returned))
        for parameter, binding, value in written:
            if value is not None:
                what = f"output {parameter.name} ({parameter.binding.type})"
                await binding.write(encode(parameter.converter, value, parameter.python_type, what), data)

    def result(self, outs: Mapping[str, Out], returned: Any) -> Any:
        """What the trigger gets: the return value, or the HTTP response set in an Out."""
        return outs[self.http_output].get() if self.http_output in outs else returned
