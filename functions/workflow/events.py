"""Events of other services, delivered to the instance that waits for them."""

from chassis.messaging.message import Message
from functions.workflow.schemas import EventData
from functions.workflow.service import DurableClient

ALIVE = frozenset({"Pending", "Running", "Suspended", "ContinuedAsNew"})


async def deliver(message: Message[EventData], client: DurableClient) -> bool:
    """Raise the event in the instance that its correlation id names, under the resource's id.

    False when it concerns no instance that is alive: something else's event, or one that ended. An event that comes
    before the instance waits is kept for it by the durable engine; one that comes twice is harmless.
    """
    resource = message.data.id or message.subject
    instance_id = message.correlation_id
    if not resource or not instance_id:
        return False
    status = await client.get_status(instance_id)
    state = getattr(getattr(status, "runtime_status", None), "name", None)
    if state not in ALIVE:
        return False
    await client.raise_event(instance_id, resource, {"type": message.type})
    return True
