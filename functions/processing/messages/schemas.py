"""The contracts of messages over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chassis.models import Contract

MessageId = Annotated[str, Field(min_length=1, max_length=200)]
HANDLER_NAME = r"^[a-z0-9][a-z0-9.\-]{0,62}$"
HandlerName = Annotated[str, Field(pattern=HANDLER_NAME)]

MAX_MESSAGES_AT_ONCE = 10_000


class IncomingMessage(Contract):
    """A message for a handler. Without an id it gets one; without a key it may go to any partition."""

    id: MessageId | None = None
    key: Annotated[str, Field(max_length=200)] = ""
    data: Any


class IncomingStreamMessage(Contract):
    """A message for a stream, whose key lies in its data."""

    id: MessageId | None = None
    data: Any


class HandlerMessages(Contract):
    """The body of `POST /processing/messages`. Each of `messages` is an IncomingMessage, checked one by one."""

    handler: HandlerName
    messages: Annotated[list[Any], Field(min_length=1, max_length=MAX_MESSAGES_AT_ONCE)]


class StreamMessages(Contract):
    """The body of `POST /processing/streams/{name}/messages`; each of `messages` is an IncomingStreamMessage."""

    messages: Annotated[list[Any], Field(min_length=1, max_length=MAX_MESSAGES_AT_ONCE)]


class RejectedMessage(Contract):
    """A message that was not taken; `index` counts from 0. `retryable`: the same one may be taken later."""

    index: int
    id: str | None = None
    reason: str
    retryable: bool = False


class SendResult(Contract):
    """How many messages are stored, and which are not."""

    accepted: int
    rejected: tuple[RejectedMessage, ...] = ()


class PoisonMessage(Contract):
    """A message that could not be done. `target` is `handler:<name>` or `stream:<name>`."""

    id: str
    target: str
    message_id: str
    key: str
    reason: str
    time: datetime
    data: Any


class PoisonPage(Contract):
    """Poison messages; `next` is the token of the next page, if there is one."""

    items: tuple[PoisonMessage, ...]
    next: str | None = None
