"""Whose hub connections the triggers speak of: always those of one tenant's user."""

from typing import Any

import azure.functions as func
import orjson

from chassis.messaging.message import new_event, to_json
from functions.notification.blueprint import blueprint


class Pushed(func.Out[str]):
    """What was set on an output binding, or None."""

    def __init__(self) -> None:
        self.value: str | None = None

    def set(self, val: str) -> None:
        self.value = val

    def get(self) -> str:
        assert self.value is not None
        return self.value


def function_named(name: str) -> Any:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    return next(found for found in app.get_functions() if found.get_function_name() == name)


def test_a_connection_is_made_for_the_user_within_the_tenant_that_the_edge_named() -> None:
    bindings = function_named("notification_negotiate_connection").get_bindings()
    (info,) = (each.get_dict_repr() for each in bindings if each.type == "signalRConnectionInfo")
    assert info["userId"] == "{headers.x-platform-tenant}:{headers.x-platform-user}"


async def test_a_push_goes_to_the_tenant_of_its_message_whatever_user_it_names() -> None:
    data = {"userId": "other:ada", "target": "notification", "arguments": [{}]}
    event = new_event("notification.push", data, source="workflow", tenant="acme", principal="ada")
    pushed = Pushed()
    push_message = function_named("notification_push_message").get_user_function()
    await push_message(func.QueueMessage(body=to_json(event)), pushed)
    assert orjson.loads(pushed.get())["userId"] == "acme:other:ada"
