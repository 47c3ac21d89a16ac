"""Contracts of the notification service: messages, their channels and deliveries, webhooks."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from unicodedata import category

from pydantic import AfterValidator, Field, model_validator

from chassis.models import Contract, example

Status = Literal["pending", "delivered", "failed"]
ChannelType = Literal["signalr", "email", "webhook"]
MAX_DELIVERIES, MAX_MESSAGE_BYTES = 50, 30_000
_BREAKS = frozenset("\n\t\r")


def _text(text: str) -> str:
    if any(category(character) in {"Cc", "Cs"} and character not in _BREAKS for character in text):
        raise ValueError("must not have control characters")
    return text


def _one_line(text: str) -> str:
    if any(category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _user_id(text: str) -> str:
    if ":" in text:
        raise ValueError("must not have a colon: it names a user of the message's own tenant, without the tenant")
    return _one_line(text)


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
# The form of an address as HTML's input type=email has it: ASCII, no quoting, no comments, so nothing to inject.
Address = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}"
        r"@[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?)*$",
    ),
]


class SignalRChannel(Contract):
    """Every open connection of one user of the message's own tenant; `user_id` is the subject of the user's tokens."""

    type: Literal["signalr"]
    user_id: Annotated[str, AfterValidator(_user_id), Field(min_length=1, max_length=200)]


class EmailChannel(Contract):
    """One e-mail to each address."""

    type: Literal["email"]
    to: tuple[Address, ...] = Field(min_length=1, max_length=20)


class WebhookChannel(Contract):
    """A webhook that the tenant has registered."""

    type: Literal["webhook"]
    webhook: Identifier


Channel = Annotated[SignalRChannel | EmailChannel | WebhookChannel, Field(discriminator="type")]


class SendMessage(Contract):
    """A message for one or more channels: the body of POST /notification/messages and of `notification.send`.

    `id` makes it the same message when it is sent again; without one the command's id or a new one is taken.
    """

    model_config = example(
        subject="Done", body="The report is there.", channels=[{"type": "email", "to": ["ada@example.com"]}]
    )

    id: Identifier | None = None
    subject: Annotated[str, AfterValidator(_one_line), Field(min_length=1, max_length=200)]
    body: Annotated[str, AfterValidator(_text), Field(max_length=10_000)] = ""
    data: dict[str, Any] = {}
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        if len(self.model_dump_json(by_alias=True).encode()) > MAX_MESSAGE_BYTES:
            raise ValueError(f"the message is larger than {MAX_MESSAGE_BYTES} bytes")
        targets = sum(len(channel.to) if isinstance(channel, EmailChannel) else 1 for channel in self.channels)
        if targets > MAX_DELIVERIES:
            raise ValueError(f"the message has {targets} targets; at most {MAX_DELIVERIES} are taken")
        return self


class Deliver(Contract):
    """The command `notification.deliver`: the `attempt`-th try (from 1) of one delivery."""

    message: Identifier
    delivery: Identifier
    attempt: int = Field(ge=1)


class MessageAccepted(Contract):
    """The answer to a message that will be delivered."""

    id: str
    status: Status


class DeliveryView(Contract):
    """One target of a message; `attempts` counts tries, `error` is the last one's."""

    channel: ChannelType
    target: str
    status: Status
    attempts: int
    error: str | None = None
    delivered_at: datetime | None = None


class MessageView(Contract):
    """A message and its deliveries; failed as soon as none is pending and one has failed."""

    id: str
    status: Status
    subject: str
    created_at: datetime
    deliveries: tuple[DeliveryView, ...]


class WebhookRequest(Contract):
    """Where a webhook is to be sent."""

    model_config = example(url="https://example.com/hooks/platform")

    url: Annotated[str, Field(min_length=8, max_length=2000)]


class WebhookView(Contract):
    """A registered webhook; `secret` stands only in the answer that creates it."""

    id: str
    url: str
    secret: str | None = None


class ConnectionInfo(Contract):
    """Where and with what token a client connects to the hub."""

    url: str
    access_token: str
