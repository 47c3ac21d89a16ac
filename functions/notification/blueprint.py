"""The triggers of the notification service."""

from datetime import UTC, datetime

import azure.functions as func

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from chassis.messaging.triggers import QueueDelivery, on_queue
from chassis.push import PUSH_QUEUE, Push
from chassis.runtime import runtime_for
from functions.notification.api import router
from functions.notification.channels.push import HUB, binding_value, is_stale
from functions.notification.connection import offering
from functions.notification.dispatch import DELIVERIES, deliver, send
from functions.notification.repository import MESSAGES, WEBHOOKS
from functions.notification.schemas import Deliver, SendMessage
from functions.notification.service import COMMANDS

SIGNALR = "AzureSignalRConnectionString"

runtime = runtime_for("notification")
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
front = HttpFront(
    create_app(
        runtime,
        router,
        checks={"tables": lambda: runtime.tables.check(), "queues": lambda: runtime.queues.check()},
    )
)
add_outbox_relay(blueprint, runtime, MESSAGES, WEBHOOKS)


@blueprint.function_name("notification_handle_http")
@blueprint.route(route="notification/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def notification_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)


@blueprint.function_name("notification_negotiate_connection")
@blueprint.route(route="notification/negotiate", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.generic_input_binding(
    arg_name="connection",
    type="signalRConnectionInfo",
    hubName=HUB,
    userId="{headers.x-platform-tenant}:{headers.x-platform-user}",
    connectionStringSetting=SIGNALR,
)
async def notification_negotiate_connection(
    req: func.HttpRequest, context: func.Context, connection: str
) -> func.HttpResponse:
    """The one route that needs the SignalR input binding; the API checks whose connection it is."""
    with offering(connection):
        return await front.handle(req, context)


@blueprint.function_name("notification_send_message")
@on_queue(blueprint, COMMANDS)
async def notification_send_message(msg: QueueDelivery) -> None:
    """Store one message and start its deliveries."""
    async with runtime.consume(msg, SendMessage) as message:
        await send(runtime, message)


@blueprint.function_name("notification_deliver_message")
@on_queue(blueprint, DELIVERIES)
async def notification_deliver_message(msg: QueueDelivery) -> None:
    """Try one delivery once."""
    async with runtime.consume(msg, Deliver) as message:
        await deliver(runtime, message)


@blueprint.function_name("notification_push_message")
@on_queue(blueprint, PUSH_QUEUE)
@blueprint.generic_output_binding(arg_name="push", type="signalR", hubName=HUB, connectionStringSetting=SIGNALR)
async def notification_push_message(msg: QueueDelivery, push: func.Out[str]) -> None:
    """Push one message to the connections of one user of the sender's tenant."""
    async with runtime.consume(msg, Push) as message:
        if not is_stale(message.data, message.time, datetime.now(UTC)):
            push.set(binding_value(message.tenant, message.data))
