"""What the API does with messages: accept and show them."""

from contextlib import suppress
from datetime import UTC, datetime

from chassis.context import Principal
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.runtime import Runtime
from chassis.storage.rows import RowExists
from functions.notification.deliveries import deliveries_of
from functions.notification.errors import MessageNotFound
from functions.notification.repository import Messages, StoredMessage
from functions.notification.schemas import DeliveryView, MessageAccepted, MessageView, SendMessage

COMMANDS, SEND = "notification-commands", "notification.send"


async def accept(runtime: Runtime, caller: Principal, message: SendMessage, key: str | None) -> MessageAccepted:
    """Accept a message; it is safe once this returns.

    The command goes first and holds the whole message, the rows second: after a crash between them the command alone
    makes them. With the same id or key it may be repeated; raises KeyReused for another message.
    """
    id = message.id or resource_id(caller.tenant, "notification.messages", key)
    named = message.model_copy(update={"id": id})
    messages = Messages(runtime)
    known = await messages.get(caller.tenant, id)
    if known is None:
        await runtime.queues.send(COMMANDS, SEND, named, id=id)
        known = await ensure(messages, caller.tenant, id, named)
    check_same_request(known.fingerprint, fingerprint_of(named))
    return MessageAccepted(id=id, status=known.status)


async def ensure(messages: Messages, tenant: str, id: str, content: SendMessage) -> StoredMessage:
    """The stored message of that id, stored now with its deliveries unless it was before."""
    known = await messages.get(tenant, id)
    if known is not None:
        return known
    message = StoredMessage(
        tenant=tenant,
        id=id,
        content=content,
        fingerprint=fingerprint_of(content),
        created_at=datetime.now(UTC),
        status="pending",
        deliveries=deliveries_of(tenant, id, content),
    )
    with suppress(RowExists):
        await messages.add(message)
    return await messages.get(tenant, id) or message


async def show(runtime: Runtime, caller: Principal, id: str) -> MessageView:
    """The message as its tenant sees it. Raises MessageNotFound."""
    message = await Messages(runtime).get(caller.tenant, id)
    if message is None:
        raise MessageNotFound(f"there is no message {id!r}")
    return MessageView(
        id=id,
        status=message.status,
        subject=message.content.subject,
        created_at=message.created_at,
        deliveries=tuple(
            DeliveryView(
                channel=each.channel,
                target=each.target,
                status=each.status,
                attempts=each.attempts,
                error=each.error,
                delivered_at=each.delivered_at,
            )
            for each in message.deliveries
        ),
    )


def fingerprint_of(message: SendMessage) -> str:
    """What tells two messages apart that came with the same id."""
    return fingerprint(message.model_dump(mode="json", by_alias=True, exclude={"id"}))
