"""How the durable engine calls orchestrators, activities and entities: as the host's RPC does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azure.functions.meta import Datum

from funchost.context import TraceContext
from funchost.converters import decode
from funchost.durable.live import keeping
from funchost.function import BoundFunction
from funchost.invoker import Invoker


class DurableInvocation:
    """The engine's `invoke`."""

    def __init__(self, functions: Mapping[str, BoundFunction], invoker: Invoker, log_level: int) -> None:
        # Orchestrators must be able to go on where the last turn ended; the rest is called as it is.
        self._functions = {name: _keeping_its_code(function) for name, function in functions.items()}
        self._invoker = invoker
        self._log_level = log_level

    async def invoke(self, function_name: str, argument: str, trace_parent: str | None = None) -> Any:
        """Run the function with the JSON text; returns what it returned.

        An orchestrator returns the state JSON of the Durable SDK, which azure-functions' converter passes through; the
        engine encodes an activity's value. Raises what the function raised; KeyError for a function that is not there.
        """
        function = self._functions[function_name]
        trigger = function.plan.trigger
        value = decode(trigger.converter, Datum(argument, "json"), {}, f"parameter {trigger.name}")
        context = function.new_context(TraceContext(trace_parent))
        data = {trigger.name: argument} if function.has_bindings else {}
        return await self._invoker.execute(function, value, data, context, level=self._log_level)


def _keeping_its_code(function: BoundFunction) -> BoundFunction:
    return replace(function, plan=replace(function.plan, function=keeping(function.plan.function)))
