"""Which bindings this host has, which it knows of but does not have, and which are a slip of the pen."""

from difflib import get_close_matches

from azure.functions.decorators import constants

from funchost.bindings.sdk_types import blob_extension_has
from funchost.definitions import Binding, FunctionDefinition, innermost
from funchost.errors import HostError
from funchost.function import HTTP_OUTPUT
from funchost.signature import is_sdk_type

DURABLE_TRIGGERS = {
    "orchestrationTrigger": "orchestrator",
    "activityTrigger": "activity",
    "entityTrigger": "entity",
}
TRIGGERS = frozenset({"httpTrigger", "queueTrigger", "timerTrigger", "blobTrigger", "warmupTrigger", *DURABLE_TRIGGERS})
INPUTS = frozenset({"blob", "table", "signalRConnectionInfo", "durableClient"})
OUTPUTS = frozenset({"queue", "blob", "table", "signalR", HTTP_OUTPUT})

# Of the official extension bundles, beside those that azure-functions has decorators for:
# https://learn.microsoft.com/azure/azure-functions/functions-triggers-bindings#supported-bindings
_WITHOUT_DECORATOR = frozenset(
    {
        *("signalRTrigger", "signalRNegotiation", "signalREndpoints", "sendGrid", "twilioSms", "kusto", "fluxTrigger"),
        *("webPubSub", "webPubSubTrigger", "webPubSubConnection", "webPubSubContext", "rabbitMQ", "rabbitMQTrigger"),
        *("redis", "redisListTrigger", "redisPubSubTrigger", "redisStreamTrigger", "mobileTable", "notificationHub"),
    }
)
_OF_THE_SDK = frozenset(
    value for name, value in vars(constants).items() if isinstance(value, str) and not name.startswith("_")
)
_ELSEWHERE = (_WITHOUT_DECORATOR | _OF_THE_SDK) - TRIGGERS - INPUTS - OUTPUTS


def unsupported_bindings(definition: FunctionDefinition) -> list[str]:
    """The bindings of the function that the official host has and this one does not.

    Raises HostError for a type that no host knows, or that is not for this side.
    """
    unsupported = []
    for binding in definition.bindings:
        if not _has(binding, definition):
            unsupported.append(binding.type)
        elif binding.type == "blobTrigger" and binding.text("source").lower() == "eventgrid":
            unsupported.append("blobTrigger with source EventGrid")
    return unsupported + _sdk_types(definition)


def _has(binding: Binding, definition: FunctionDefinition) -> bool:
    side, known = _side(binding, definition)
    if binding.type in known:
        return True
    if binding.type in _ELSEWHERE:
        return False
    matches = get_close_matches(binding.type, known | _ELSEWHERE, n=1)
    remedy = f"Did you mean {matches[0]}?" if matches else f"Use one of {', '.join(sorted(known))}."
    what = f"The binding {binding.name} of function {definition.name} has a type that is no {side}: {binding.type}"
    raise HostError(what, where=definition.where, remedy=remedy)


def _side(binding: Binding, definition: FunctionDefinition) -> tuple[str, frozenset[str]]:
    if binding is definition.trigger:
        return "trigger", TRIGGERS
    return ("output", OUTPUTS) if binding.is_output else ("input", INPUTS)


def _sdk_types(definition: FunctionDefinition) -> list[str]:
    """Parameters of SDK types (azurefunctions-extensions-bindings-…) other than a blob's."""
    annotations = getattr(innermost(definition.user_function), "__annotations__", {})
    blobs = {b.name for b in definition.bindings if not b.is_output and blob_extension_has(b.type)}
    others = [a for name, a in annotations.items() if name != "return" and name not in blobs and is_sdk_type(a)]
    return [f"SDK type {getattr(other, '__name__', other)}" for other in others]
