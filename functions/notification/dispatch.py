"""From a message to its targets: one command for each delivery, each tried until it is done or given up.

At least once: a process that dies after the receiver has taken a message and before that is stored, sends it again.
The receiver knows the repetition by its id: webhook-id, Message-ID, or the message's id in a push.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chassis.errors import PlatformError
from chassis.http.idempotency import resource_id
from chassis.messaging.events import Event
from chassis.messaging.message import Message
from chassis.push import PUSH_QUEUE, PUSH_TYPE
from chassis.runtime import Runtime
from chassis.storage.rows import RowChanged
from functions.notification.channels.email import build_email, send_email
from functions.notification.channels.message import Outgoing
from functions.notification.channels.push import push_of
from functions.notification.channels.webhook import send_webhook
from functions.notification.deliveries import Delivery, pause_after
from functions.notification.errors import DeliveryError, Undeliverable
from functions.notification.repository import Messages, StoredMessage, Webhooks
from functions.notification.schemas import Deliver, SendMessage
from functions.notification.service import SEND, ensure, fingerprint_of

log = logging.getLogger(__name__)
DELIVERIES, DELIVER = "notification-deliveries", "notification.deliver"
LAST_DELIVERY = 5
"""The host's maxDequeueCount (host.json): after it the command lies on the poison queue."""


async def send(runtime: Runtime, message: Message[SendMessage]) -> None:
    """Carry out `notification.send`: store the message and put a command for each open delivery on the queue.

    May be repeated; what is delivered already is left alone. Another message under a known id is dropped.
    """
    id = message.data.id or resource_id(message.tenant, SEND, message.id)
    stored = await ensure(Messages(runtime), message.tenant, id, message.data)
    if stored.fingerprint != fingerprint_of(message.data):
        return
    await _show_progress(runtime, stored)
    for delivery in stored.deliveries:
        if delivery.status == "pending":
            await _enqueue(runtime, stored, delivery, delivery.attempts + 1, 0)


async def deliver(runtime: Runtime, message: Message[Deliver]) -> None:
    """Carry out `notification.deliver`: one try of one delivery. A try that was made before is not made again."""
    command = message.data
    messages = Messages(runtime)
    stored = await messages.get(message.tenant, command.message)
    delivery = stored.find(command.delivery) if stored is not None else None
    if stored is None or delivery is None or not delivery.is_due(command.attempt):
        return
    tried = replace(delivery, attempts=command.attempt)
    try:
        with runtime.telemetry.span(f"deliver {delivery.channel}", notification_attempt=command.attempt):
            await _hand_over(runtime, stored, delivery)
    except PlatformError as error:
        tried = await _failed(runtime, stored, tried, error)
    except Exception:
        if message.dequeue_count >= LAST_DELIVERY:
            await _record(runtime, messages, stored, replace(tried, status="failed", error="it failed on our side"))
        raise
    else:
        tried = replace(tried, status="delivered", error=None, delivered_at=datetime.now(UTC))
    await _record(runtime, messages, stored, tried)


async def _hand_over(runtime: Runtime, stored: StoredMessage, delivery: Delivery) -> None:
    settings = runtime.settings
    outgoing = outgoing_of(stored, delivery)
    match delivery.channel:
        case "email":
            mail = build_email(outgoing, settings.smtp_from)
            await send_email(mail, settings.smtp_host, settings.smtp_port)
        case "webhook":
            webhook = await Webhooks(runtime).get(stored.tenant, delivery.target)
            if webhook is None:
                raise Undeliverable(f"no webhook {delivery.target!r} is registered")
            await send_webhook(outgoing, webhook.url, webhook.secret, settings.webhook_allow_private)
        case "signalr":
            await runtime.queues.send(PUSH_QUEUE, PUSH_TYPE, push_of(outgoing), id=delivery.id)


async def _failed(runtime: Runtime, stored: StoredMessage, tried: Delivery, error: PlatformError) -> Delivery:
    """The delivery after a failed try; the next one is on the queue before this one is stored, so none gets lost."""
    wished_s = error.retry_after_s if isinstance(error, DeliveryError) else None
    pause_s = pause_after(tried.attempts, wished_s) if error.retryable else None
    if pause_s is None:
        return replace(tried, status="failed", error=error.detail)
    log.warning("delivery %s (%s) is tried again in %d s: %s", tried.id, tried.channel, pause_s, error)
    await _enqueue(runtime, stored, tried, tried.attempts + 1, pause_s)
    return replace(tried, error=error.detail)


async def _record(runtime: Runtime, messages: Messages, stored: StoredMessage, tried: Delivery) -> None:
    """Store what a try came to, over whatever other deliveries have stored meanwhile."""
    while True:
        after = stored.with_delivery(tried)
        events = [_event(after)] if after.status != "pending" and stored.status == "pending" else []
        try:
            await messages.change(stored, tried, events)
        except RowChanged:
            fresh = await messages.get(stored.tenant, stored.id)
            now = fresh.find(tried.id) if fresh is not None else None
            if fresh is None or now is None or now.status != "pending":
                return
            stored = fresh
        else:
            await _show_progress(runtime, after)
            return


async def _enqueue(runtime: Runtime, stored: StoredMessage, delivery: Delivery, attempt: int, pause_s: int) -> None:
    command = Deliver(message=stored.id, delivery=delivery.id, attempt=attempt)
    await runtime.queues.send(DELIVERIES, DELIVER, command, id=f"{delivery.id}.{attempt}", visible_after_s=pause_s)


def outgoing_of(stored: StoredMessage, delivery: Delivery) -> Outgoing:
    """What goes out to one target."""
    content = stored.content
    return Outgoing(
        delivery_id=delivery.id,
        message_id=stored.id,
        target=delivery.target,
        subject=content.subject,
        body=content.body,
        data=content.data,
        created_at=stored.created_at,
    )


def _event(message: StoredMessage) -> Event:
    # Addresses stay out: every subscriber and the audit trail get this.
    deliveries: list[dict[str, Any]] = [
        {"channel": each.channel, "status": each.status, "attempts": each.attempts} for each in message.deliveries
    ]
    data = {"id": message.id, "status": message.status, "deliveries": deliveries}
    return Event(f"notification.message.{message.status}", message.id, data)


async def _show_progress(runtime: Runtime, message: StoredMessage) -> None:
    done = sum(each.status != "pending" for each in message.deliveries)
    await runtime.progress("notify", message.id, done, len(message.deliveries), "deliveries")
