"""Commands and events over Azure Service Bus, in place of storage queues, where a namespace is set.

A command goes to the receiver's queue, an event to the topic `platform-events`, whose subscriptions choose by the
message's subject (the event's type) and forward to the subscriber's queue. The body is the same CloudEvent, as
`application/cloudevents+json` (CloudEvents AMQP binding 1.0, structured mode). Partitions of streams stay storage
queues.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from chassis.errors import DependencyUnavailable
from chassis.messaging.message import Announced
from chassis.messaging.partitions import PARTITION_QUEUE
from chassis.messaging.queues import Queues

TOPIC = "platform-events"
RETRIES = 2
"""Of the SDK's own; after them the caller hears that the namespace is away."""

MAX_SENT_BYTES = 128 * 1024
"""Of one send: it may have 256 KiB (Service Bus quotas, standard tier), what surrounds each message included."""

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class ServiceBusQueues(Queues):
    """The platform's queues on a Service Bus namespace; they are made by the deployment, not here."""

    def __init__(self, connection: str, source: str, namespace: str, credential: AsyncTokenCredential) -> None:
        super().__init__(connection, source)
        self._namespace = namespace
        self._credential = credential
        self._bus: ServiceBusClient | None = None
        self._senders: dict[str, ServiceBusSender] = {}
        self._sending = asyncio.Lock()

    async def put(self, queue: str, body: bytes, *, visible_after_s: int = 0) -> None:
        """Put the bytes of a CloudEvent. Raises DependencyUnavailable when the queue can't be reached."""
        if queue.startswith(f"{PARTITION_QUEUE}-"):
            await super().put(queue, body, visible_after_s=visible_after_s)
            return
        await self._deliver(queue, bus_message(body, visible_after_s=visible_after_s))

    async def publish(self, events: Sequence[Announced]) -> bool:
        """Put events on the topic, which knows its subscribers: a message each. Raises DependencyUnavailable."""
        sending: list[ServiceBusMessage] = []
        size = 0
        for event in events:
            if sending and size + len(event.body) > MAX_SENT_BYTES:
                await self._deliver(TOPIC, *sending)
                sending, size = [], 0
            sending.append(bus_message(event.body, subject=event.type))
            size += len(event.body)
        await self._deliver(TOPIC, *sending)
        return True

    async def close(self) -> None:
        """Close the connections."""
        if self._bus is not None:
            await self._bus.close()
            self._bus, self._senders = None, {}
        await super().close()

    async def _deliver(self, entity: str, *messages: ServiceBusMessage) -> None:
        try:
            # A sender of the SDK is not safe for several tasks at once (azure-servicebus README, thread safety).
            async with self._sending:
                await self._sender(entity).send_messages(list(messages))
        except (AzureError, OSError, TimeoutError) as error:
            raise DependencyUnavailable(f"{entity} can't be reached") from error

    def _sender(self, entity: str) -> ServiceBusSender:
        if self._bus is None:
            self._bus = ServiceBusClient(self._namespace, self._credential, retry_total=RETRIES)
        if entity not in self._senders:
            named: Any = self._bus.get_topic_sender if entity == TOPIC else self._bus.get_queue_sender
            self._senders[entity] = named(entity)
        return self._senders[entity]


def bus_message(body: bytes, *, subject: str | None = None, visible_after_s: int = 0) -> ServiceBusMessage:
    """The message of a CloudEvent: its id is the event's, its subject the event's type where it is announced."""
    later = datetime.now(UTC) + timedelta(seconds=visible_after_s) if visible_after_s else None
    return ServiceBusMessage(
        body,
        message_id=str(orjson.loads(body)["id"]),
        subject=subject,
        content_type=CONTENT_TYPE,
        scheduled_enqueue_time_utc=later,
    )
