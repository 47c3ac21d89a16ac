"""The HTTP API of messages and poison."""

from typing import Annotated, TypeVar

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ValidationError

from chassis.context import Principal
from chassis.errors import InvalidInput
from chassis.http.app import requires
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import takes
from functions.processing import messaging
from functions.processing.messages.handlers import handler_named
from functions.processing.messages.schemas import (
    HANDLER_NAME,
    MAX_MESSAGES_AT_ONCE,
    HandlerMessages,
    IncomingMessage,
    PoisonMessage,
    PoisonPage,
    SendResult,
)
from functions.processing.messages.sending import read_lines

router = APIRouter(prefix="/processing", tags=["messages"])
READ, WRITE = "processing.read", "processing.write"
PoisonId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
NDJSON = "application/x-ndjson"
_LIST = {"type": "array", "items": {}, "minItems": 1, "maxItems": MAX_MESSAGES_AT_ONCE}
HANDLER_BODY = takes(
    "application/json",
    text=NDJSON,
    schema={
        "type": "object",
        "properties": {"handler": {"type": "string", "pattern": HANDLER_NAME}, "messages": _LIST},
        "required": ["handler", "messages"],
        "additionalProperties": False,
    },
    example={"handler": "count-words", "messages": [{"id": "1", "key": "a", "data": {"text": "two words"}}]},
)
STREAM_BODY = takes(
    "application/json",
    text=NDJSON,
    schema={
        "type": "object",
        "properties": {"messages": _LIST},
        "required": ["messages"],
        "additionalProperties": False,
    },
    example={"messages": [{"id": "1", "data": {"time": "2026-01-02T03:04:05Z", "delay": 7}}]},
)
Body = TypeVar("Body", bound=BaseModel)


@router.post("/messages", status_code=202, openapi_extra=HANDLER_BODY)
async def send_messages(
    request: Request,
    handler: Annotated[str | None, Query(max_length=63, description="The handler of an NDJSON body's messages")] = None,
    key: IdempotencyKey = None,
    caller: Principal = requires(WRITE),
) -> SendResult:
    """Messages for a handler: a JSON body with `handler` and `messages`, or NDJSON with one message a line."""
    if is_ndjson(request):
        items, name = read_lines(await request.body()), handler
    else:
        body = await read_body(request, HandlerMessages)
        items, name = body.messages, body.handler
    if name is None:
        raise InvalidInput("name the handler: /processing/messages?handler=…")
    handler_named(name)
    result = await messaging.sender().send(f"handler:{name}", items, IncomingMessage, idempotency_key=key)
    messaging.measures().sent(result.accepted)
    return result


@router.get("/poison")
async def list_poison(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(max_length=2000)] = None,
    caller: Principal = requires(READ),
) -> PoisonPage:
    """Messages that could not be done, with the reason."""
    return await messaging.poison().page(caller.tenant, limit, after)


@router.get("/poison/{id}")
async def get_poison(id: PoisonId, caller: Principal = requires(READ)) -> PoisonMessage:
    """One of them."""
    return await messaging.poison().get(caller.tenant, id)


@router.post("/poison/{id}/replay", status_code=202)
async def replay_poison(id: PoisonId, caller: Principal = requires(WRITE)) -> None:
    """Send it again, as it was, under its id."""
    await messaging.poison().replay(caller.tenant, id, messaging.producer())


@router.delete("/poison/{id}", status_code=204)
async def discard_poison(id: PoisonId, caller: Principal = requires(WRITE)) -> None:
    """Forget it."""
    await messaging.poison().discard(caller.tenant, id)


def is_ndjson(request: Request) -> bool:
    """Whether the body is one message a line."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON


async def read_body(request: Request, model: type[Body]) -> Body:
    """The JSON body as a model. Raises InvalidInput with the place and reason."""
    try:
        return model.model_validate(orjson.loads(await request.body()))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInput(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
