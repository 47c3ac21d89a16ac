"""What the notification service stores: messages with their deliveries, and webhooks with their secrets.

A message and its deliveries share a partition (tenant and message id), so that one transaction changes a delivery,
the message's status and the outbox together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from chassis.messaging.events import Event
from chassis.runtime import Runtime
from chassis.storage.rows import Row
from chassis.storage.tables import Insert, Replace
from functions.notification.deliveries import Delivery, status_of
from functions.notification.schemas import SendMessage, Status

MESSAGES, WEBHOOKS = "messages", "webhooks"
_HEAD, _DELIVERY = "message", "delivery-"


@dataclass(frozen=True)
class StoredMessage:
    """A message and its deliveries, in order. `status` is the one announced last."""

    tenant: str
    id: str
    content: SendMessage
    fingerprint: str
    created_at: datetime
    status: Status
    deliveries: tuple[Delivery, ...]
    etag: str = field(default="", compare=False)

    def find(self, delivery_id: str) -> Delivery | None:
        """The delivery of that id, or None."""
        return next((delivery for delivery in self.deliveries if delivery.id == delivery_id), None)

    def with_delivery(self, changed: Delivery) -> Self:
        """The message with one delivery changed and the status that follows."""
        deliveries = tuple(changed if each.id == changed.id else each for each in self.deliveries)
        return replace(self, deliveries=deliveries, status=status_of(deliveries))


class Messages:
    """The stored messages of all tenants."""

    def __init__(self, runtime: Runtime) -> None:
        self._table = runtime.tables.table(MESSAGES)

    async def get(self, tenant: str, id: str) -> StoredMessage | None:
        """The message with its deliveries, or None."""
        rows = [row async for row in self._table.query(_partition(tenant, id))]
        head = next((row for row in rows if row.key == _HEAD), None)
        if head is None:
            return None
        return StoredMessage(
            tenant=tenant,
            id=id,
            content=SendMessage.model_validate_json(head["content"]),
            fingerprint=head["fingerprint"],
            created_at=datetime.fromisoformat(head["createdAt"]),
            status=head["status"],
            deliveries=tuple(_delivery(row) for row in rows if row.key.startswith(_DELIVERY)),
            etag=head.etag,
        )

    async def add(self, message: StoredMessage) -> None:
        """Store a new message with all its deliveries. Raises RowExists when there is one with its id."""
        rows = [Insert(_HEAD, _head_values(message))]
        rows += [Insert(_key(index), _values(delivery)) for index, delivery in enumerate(message.deliveries)]
        await self._table.commit(_partition(message.tenant, message.id), rows)

    async def change(self, message: StoredMessage, changed: Delivery, events: Sequence[Event]) -> None:
        """Store a delivery and its message's status and announce it, all or nothing.

        Raises RowChanged when the message or any delivery of it was changed meanwhile.
        """
        index = [delivery.id for delivery in message.deliveries].index(changed.id)
        before = message.deliveries[index]
        changes = [
            Replace(_key(index), _values(changed), before.etag),
            # The head goes along even when it stays the same: of two deliveries that end at once, one must see both.
            Replace(_HEAD, _head_values(message.with_delivery(changed)), message.etag),
        ]
        await self._table.commit(_partition(message.tenant, message.id), changes, events)


@dataclass(frozen=True)
class StoredWebhook:
    """A registered webhook. The secret stays out of `repr`, so that no log line can have it."""

    id: str
    url: str
    secret: str = field(repr=False)
    etag: str = field(default="", compare=False)


class Webhooks:
    """The registered webhooks of all tenants."""

    def __init__(self, runtime: Runtime) -> None:
        self._table = runtime.tables.table(WEBHOOKS)

    async def get(self, tenant: str, id: str) -> StoredWebhook | None:
        """The webhook, or None."""
        row = await self._table.get(tenant, id)
        return StoredWebhook(id, row["url"], row["secret"], row.etag) if row is not None else None

    async def add(self, tenant: str, webhook: StoredWebhook, event: Event) -> None:
        """Register a webhook and announce it. Raises RowExists when there is one."""
        await self._table.commit(tenant, [Insert(webhook.id, _webhook_values(webhook))], [event])

    async def replace(self, tenant: str, webhook: StoredWebhook, event: Event) -> None:
        """Change a webhook and announce it. Raises RowChanged when it was changed meanwhile."""
        await self._table.commit(tenant, [Replace(webhook.id, _webhook_values(webhook), webhook.etag)], [event])

    async def delete(self, tenant: str, id: str) -> None:
        """Remove a webhook; one that is not there is no error."""
        await self._table.delete(tenant, id)


def _partition(tenant: str, id: str) -> str:
    return f"{tenant}/{id}"


def _key(index: int) -> str:
    return f"{_DELIVERY}{index:03}"


def _head_values(message: StoredMessage) -> dict[str, Any]:
    return {
        "content": message.content.model_dump_json(by_alias=True),
        "fingerprint": message.fingerprint,
        "createdAt": message.created_at.isoformat(),
        "status": message.status,
    }


def _values(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "channel": delivery.channel,
        "target": delivery.target,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "deliveredAt": delivery.delivered_at.isoformat() if delivery.delivered_at else None,
    }


def _delivery(row: Row) -> Delivery:
    delivered_at = row.get("deliveredAt")
    return Delivery(
        id=row["id"],
        channel=row["channel"],
        target=row["target"],
        status=row["status"],
        attempts=row["attempts"],
        error=row.get("error"),
        delivered_at=datetime.fromisoformat(delivered_at) if delivered_at else None,
        etag=row.etag,
    )


def _webhook_values(webhook: StoredWebhook) -> dict[str, Any]:
    return {"url": webhook.url, "secret": webhook.secret}
