"""The HTTP API of streams."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.created import created
from chassis.http.headers import LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import also
from chassis.models import AwareDatetime
from functions.processing import messaging
from functions.processing.messages.api import STREAM_BODY, is_ndjson, read_body
from functions.processing.messages.schemas import IncomingStreamMessage, SendResult, StreamMessages
from functions.processing.messages.sending import read_lines
from functions.processing.streams.definition import StreamName, StreamRequest
from functions.processing.streams.records import RecordReader
from functions.processing.streams.schemas import LatePage, Stream, StreamList, WindowPage

router = APIRouter(prefix="/processing", tags=["streams"])
READ, WRITE = "processing.read", "processing.write"
PathName = Annotated[StreamName, Path()]
PageToken = Annotated[str | None, Query(max_length=4000)]


@router.put("/streams/{name}", responses=also(201, Stream, LOCATION))
async def put_stream(
    name: PathName, request: StreamRequest, response: Response, caller: Principal = requires(WRITE)
) -> Stream:
    """Make a stream; the same definition again changes nothing, another one is refused (409)."""
    stream, is_new = await messaging.streams().put(caller, name, request)
    if is_new:
        created(response, f"/processing/streams/{name}")
    return stream


@router.get("/streams")
async def list_streams(caller: Principal = requires(READ)) -> StreamList:
    """The tenant's streams."""
    return await messaging.streams().list(caller.tenant)


@router.get("/streams/{name}")
async def get_stream(name: PathName, caller: Principal = requires(READ)) -> Stream:
    """One stream."""
    return await messaging.streams().describe(caller.tenant, name)


@router.delete("/streams/{name}", status_code=204)
async def delete_stream(name: PathName, caller: Principal = requires(WRITE)) -> None:
    """Forget a stream with its open windows and results."""
    await messaging.streams().delete(caller.tenant, name)


@router.post("/streams/{name}/messages", status_code=202, openapi_extra=STREAM_BODY)
async def send_to_stream(
    name: PathName, request: Request, key: IdempotencyKey = None, caller: Principal = requires(WRITE)
) -> SendResult:
    """Messages for a stream: a JSON body with `messages`, or NDJSON with one `{"id", "data"}` a line."""
    stream = await messaging.streams().require(caller.tenant, name)
    reader = RecordReader(stream.definition, ())
    items = read_lines(await request.body()) if is_ndjson(request) else (await _body(request)).messages
    result = await messaging.sender().send(
        stream.target, items, IncomingStreamMessage, key_of=reader.key_of, idempotency_key=key
    )
    messaging.measures().sent(result.accepted)
    return result


@router.get("/streams/{name}/windows")
async def list_windows(
    name: PathName,
    first: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    last: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    after: PageToken = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    caller: Principal = requires(READ),
) -> WindowPage:
    """The stream's windows whose start is at `from` or later and before `to`, in order of their start."""
    return await messaging.streams().windows(caller.tenant, name, first, last, after, limit)


@router.get("/streams/{name}/late")
async def list_late(name: PathName, after: PageToken = None, caller: Principal = requires(READ)) -> LatePage:
    """Messages that came after all their windows had closed."""
    return await messaging.streams().late(caller.tenant, name, after)


async def _body(request: Request) -> StreamMessages:
    return await read_body(request, StreamMessages)
