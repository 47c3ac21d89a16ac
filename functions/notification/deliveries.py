"""Deliveries: one for each target of a message, when to try again, and what the message as a whole is. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from functions.notification.schemas import (
    ChannelType,
    EmailChannel,
    SendMessage,
    SignalRChannel,
    Status,
)

PAUSES_S = (2, 5, 15, 60, 300, 900, 3600, 14_400)
"""Seconds to wait after the first, second, … failed try."""
LAST_ATTEMPT = len(PAUSES_S) + 1
LONGEST_RETRY_AFTER_S = 14_400


@dataclass(frozen=True)
class Delivery:
    """One target of one message. `id` is the same however often the message is sent: receivers know it by that."""

    id: str
    channel: ChannelType
    target: str
    status: Status = "pending"
    attempts: int = 0
    error: str | None = None
    delivered_at: datetime | None = None
    etag: str = field(default="", compare=False)

    def is_due(self, attempt: int) -> bool:
        """Whether this try was not made yet and is still wanted."""
        return self.status == "pending" and attempt > self.attempts


def deliveries_of(tenant: str, message_id: str, message: SendMessage) -> tuple[Delivery, ...]:
    """The deliveries of a message in the order of its channels; a target that is named twice gets one."""
    found: dict[str, Delivery] = {}
    for channel, target in _targets(message):
        id = delivery_id(tenant, message_id, channel, target)
        found.setdefault(id, Delivery(id, channel, target))
    return tuple(found.values())


def delivery_id(tenant: str, message_id: str, channel: ChannelType, target: str) -> str:
    """32 hexadecimal digits, the same for the same tenant, message, channel and target."""
    parts = "\n".join((tenant, message_id, channel, target))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def status_of(deliveries: Iterable[Delivery]) -> Status:
    """Pending while one is; else failed when one has failed; else delivered."""
    statuses = {delivery.status for delivery in deliveries}
    if "pending" in statuses:
        return "pending"
    return "failed" if "failed" in statuses else "delivered"


def pause_after(attempt: int, retry_after_s: int | None = None) -> int | None:
    """Seconds until the next try, the receiver's own wish included; None when it was the last."""
    if attempt >= LAST_ATTEMPT:
        return None
    wished = min(retry_after_s or 0, LONGEST_RETRY_AFTER_S)
    return max(PAUSES_S[attempt - 1], wished)


def _targets(message: SendMessage) -> Iterable[tuple[ChannelType, str]]:
    for channel in message.channels:
        if isinstance(channel, SignalRChannel):
            yield "signalr", channel.user_id
        elif isinstance(channel, EmailChannel):
            yield from (("email", address) for address in channel.to)
        else:
            yield "webhook", channel.webhook
