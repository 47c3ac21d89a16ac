"""How the durable engine calls orchestrators, activities and entities: as the host's RPC does."""

import json
from collections.abc import Mapping
from typing import Any

from azure.functions.meta import Datum

from funchost.context import TraceContext
from funchost.converters import decode, encode
from funchost.function import BoundFunction
from funchost.invoker import Invoker


class DurableInvocation:
    """The engine's `invoke`."""

    def __init__(self, functions: Mapping[str, BoundFunction], invoker: Invoker, log_level: int) -> None:
        self._functions = functions
        self._invoker = invoker
        self._log_level = log_level

    async def invoke(self, function_name: str, argument: str, trace_parent: str | None = None) -> Any:
        """Run the function with the JSON text; returns the JSON text of its result.

        An orchestrator's and an entity's result is the state JSON of the Durable SDK. Raises what the function raised;
        KeyError for a function that the app does not have.
        """
        function = self._functions[function_name]
        trigger = function.plan.trigger
        value = decode(trigger.converter, Datum(argument, "json"), {}, f"parameter {trigger.name}")
        context = function.new_context(TraceContext(trace_parent))
        data = {trigger.name: argument} if function.has_bindings else {}
        result = await self._invoker.execute(function, value, data, context, level=self._log_level)
        encoded = encode(trigger.converter, result, None, f"the result of {function_name}").value
        return encoded if isinstance(encoded, str) else json.dumps(encoded)
