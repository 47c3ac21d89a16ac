"""Queue triggers of either kind: storage queues, or Service Bus queues where a namespace is set."""

from collections.abc import Callable
from typing import Any

import azure.functions as func

from chassis.settings import get_settings

STORAGE_CONNECTION, BUS_CONNECTION = "AzureWebJobsStorage", "ServiceBusConnection"
QueueDelivery = func.QueueMessage | func.ServiceBusMessage
"""What a handler gets: both have `get_body()`, and count their deliveries."""


def on_queue(blueprint: func.TriggerApi, queue: str, *, over_service_bus: bool | None = None) -> Callable[..., Any]:
    """Decorate a function whose parameter `msg` gets the messages of a queue.

    The annotation of `msg` becomes that of the kind: the worker refuses a function whose annotation is of another.
    """
    by_bus = bool(get_settings().service_bus_namespace) if over_service_bus is None else over_service_bus
    if by_bus:
        trigger = blueprint.service_bus_queue_trigger(arg_name="msg", queue_name=queue, connection=BUS_CONNECTION)
    else:
        trigger = blueprint.queue_trigger(arg_name="msg", queue_name=queue, connection=STORAGE_CONNECTION)

    def decorate(target: Any) -> Any:
        handler = getattr(target, "_function", None)
        function = handler.get_user_function() if handler is not None else target
        function.__annotations__["msg"] = func.ServiceBusMessage if by_bus else func.QueueMessage
        return trigger(target)

    return decorate


def deliveries(msg: QueueDelivery) -> int:
    """How often the message was delivered, this time included."""
    count = msg.dequeue_count if isinstance(msg, func.QueueMessage) else msg.delivery_count
    return int(count or 1)
