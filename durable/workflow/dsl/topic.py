"""`call: asyncapi` on the platform's own event topic, `platform://events`: publish is emit,
subscribe is listen.

The operation (or channel) names the event's type. A message is `{payload, headers, correlationId}`: the event's data,
its other attributes, and its correlation id.
"""

from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.dsl.asyncapi import AsyncApiConsumption
from durable.workflow.dsl.resources import uri_of
from durable.workflow.expressions import program_of

DOCUMENT = "platform://events"
SOURCE = "platform://workflow"
_MESSAGE = "{payload: (.data // .data_base64), headers: del(.data, .data_base64), correlationId: .correlationid}"


def is_topic(task: dsl.CallAsyncApi) -> bool:
    """Whether the call is on the platform's own topic."""
    return uri_of(task.with_.document.endpoint).rstrip("/") == DOCUMENT


def as_event_task(task: dsl.CallAsyncApi) -> dsl.EmitTask | dsl.ListenTask:
    """The task of events that does the same."""
    type = task.with_.operation or task.with_.channel
    if task.with_.message is not None:
        message = task.with_.message
        event = {**(message.headers or {}), "source": SOURCE, "type": type, "data": message.payload}
        return dsl.EmitTask.model_validate({"emit": {"event": {"with": event}}})
    subscription = task.with_.subscription
    assert subscription is not None  # noqa: S101 - the model has exactly one of the two
    wanted: dict[str, Any] = {"with": {"type": type}}
    if subscription.filter is not None:
        condition = f'{_MESSAGE} | ({program_of(subscription.filter)}) | if . then "true" else "false" end'
        wanted["correlate"] = {"message": {"from": f"${{ {condition} }}", "expect": "true"}}
    listen = {"to": {"any": [wanted], "until": until(subscription.consume)}}
    found = dsl.ListenTask.model_validate({"listen": listen})
    read = found.listen.model_copy(update={"read": "message"})
    return found.model_copy(update={"listen": read, "foreach": subscription.foreach})


def until(consume: AsyncApiConsumption) -> str:
    """When enough messages came, as a condition on those that did; `false` is never."""
    if consume.amount is not None:
        return f"length >= {consume.amount}"
    if consume.until is not None:
        return program_of(consume.until)
    program = program_of(consume.while_ or "true")
    return "false" if program == "true" else f"({program}) | not"
