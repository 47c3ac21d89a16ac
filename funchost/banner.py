"""The function table that is printed at the start."""

from collections.abc import Sequence

from funchost.definitions import FunctionDefinition
from funchost.host_json import HostJson


def function_table(definitions: Sequence[FunctionDefinition], host_json: HostJson, base_url: str) -> list[str]:
    """One line per function: name, then URL with methods, queue, schedule or kind."""
    width = max(len(definition.name) for definition in definitions)
    return ["Functions:"] + [
        f"  {definition.name:<{width}}  {_describe(definition, host_json, base_url)}" for definition in definitions
    ]


def _describe(definition: FunctionDefinition, host_json: HostJson, base_url: str) -> str:
    trigger = definition.trigger
    if trigger.type == "httpTrigger":
        prefix = host_json.extensions.http.route_prefix.strip("/")
        path = "/".join(part for part in (prefix, trigger.text("route", definition.name).strip("/")) if part)
        methods = ",".join(trigger.properties.get("methods") or ["ALL"])
        return f"[{methods}] {base_url}/{path}"
    if trigger.type == "queueTrigger":
        return f"queueTrigger {trigger.text('queueName')}"
    if trigger.type == "timerTrigger":
        return f"timerTrigger {trigger.text('schedule')}"
    return trigger.type
