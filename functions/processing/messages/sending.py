"""Batches of messages over HTTP: each is checked by itself, and what is wrong with one does not stop the others."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import orjson
from pydantic import BaseModel, ValidationError

from chassis.errors import InvalidInput, PayloadTooLarge, PlatformError, can_retry
from chassis.http.idempotency import resource_id
from chassis.messaging.producer import Producer, delivered
from chassis.work import WorkContext
from functions.processing.messages.schemas import MAX_MESSAGES_AT_ONCE, RejectedMessage, SendResult

KeyOf = Callable[[Any], str]


class Sender:
    """Sends what came in one request. `model` is what each message must be, with `id`, `data` and perhaps `key`."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def send(
        self,
        target: str,
        items: Sequence[Any],
        model: type[BaseModel],
        *,
        key_of: KeyOf | None = None,
        idempotency_key: str | None = None,
    ) -> SendResult:
        """Send messages and wait until each is stored. Ids of those without one follow from the idempotency key."""
        work = WorkContext.capture()
        rejected: dict[int, RejectedMessage] = {}
        sent = []
        for index, item in enumerate(items):
            id = None
            try:
                message: Any = model.model_validate(item)
                id = message.id or _made_id(work.tenant, target, idempotency_key, index)
                key = key_of(message.data) if key_of else message.key
                sent.append((index, id, await self._producer.send(target, message.data, key=key, id=id, work=work)))
            except ValidationError as error:
                rejected[index] = RejectedMessage(index=index, reason=_plain(error))
            except (InvalidInput, PayloadTooLarge) as error:
                rejected[index] = RejectedMessage(index=index, id=id, reason=error.detail)
        for (index, id, _), failure in zip(sent, await delivered([item[2] for item in sent]), strict=True):
            if failure is not None:
                rejected[index] = _failed(index, id, failure)
        return SendResult(
            accepted=len(items) - len(rejected), rejected=tuple(rejected[index] for index in sorted(rejected))
        )


def read_lines(body: bytes) -> list[Any]:
    """The messages of NDJSON; a line that is no JSON stands for itself, to be rejected alone. Raises InvalidInput."""
    lines = [line for line in body.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MAX_MESSAGES_AT_ONCE:
        raise InvalidInput(f"{len(lines):,} messages; 1 to {MAX_MESSAGES_AT_ONCE:,} are taken at once")
    return [_line(line) for line in lines]


def _line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return "not JSON"


def _made_id(tenant: str, target: str, key: str | None, index: int) -> str:
    return resource_id(tenant, f"messages\n{target}\n{index}", key) if key else uuid4().hex


def _failed(index: int, id: str, failure: BaseException) -> RejectedMessage:
    reason = failure.detail if isinstance(failure, PlatformError) else "the message could not be stored"
    retryable = isinstance(failure, Exception) and (can_retry(failure) or not isinstance(failure, PlatformError))
    return RejectedMessage(index=index, id=id, reason=reason, retryable=retryable)


def _plain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])
