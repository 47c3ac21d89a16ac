"""The control plane's HTTP API: xDS and trace export, for our Envoys alone; never routed at the edge."""

from typing import get_args

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from chassis.errors import Unauthorized
from functions.gateway.composition import Composition
from functions.gateway.control import HEADER
from functions.gateway.envoy.api_keys import EXCHANGE_PATH
from functions.gateway.envoy.api_keys import HEADER as API_KEY
from functions.gateway.envoy.discovery import DiscoveryRequest, Kind
from functions.gateway.envoy.listener import TRACES_PATH
from functions.gateway.errors import TracesTooLarge, UnknownResourceKind

MAX_TRACES_BYTES = 4_194_304


async def _from_the_edge(request: Request) -> None:
    await _parts(request).control_secret.check(request.headers.get(HEADER))


control = APIRouter(include_in_schema=False, dependencies=[Depends(_from_the_edge)])


@control.post("/v3/discovery:{kind}")
async def discover_resources(kind: str, sent: DiscoveryRequest, request: Request) -> Response:
    """The asking Envoy's resources of a kind; 304 when it has them."""
    for known in get_args(Kind):
        if known == kind:
            answer = await _parts(request).gateway.discover(known, sent)
            return Response(status_code=304) if answer is None else Response(answer.body, media_type="application/json")
    raise UnknownResourceKind


@control.post(TRACES_PATH)
async def forward_traces(request: Request) -> Response:
    """Hand an Envoy's spans (OTLP protobuf) on to monitoring, with the gateway's own token."""
    body = await request.body()
    if len(body) > MAX_TRACES_BYTES:
        raise TracesTooLarge
    content_type = request.headers.get("content-type", "application/x-protobuf")
    return Response(await _parts(request).forward_traces(body, content_type), media_type=content_type)


@control.api_route(EXCHANGE_PATH + "/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def exchange_api_key(request: Request) -> Response:
    """Answer the edge's question for a request with an API key: 200 with its owner's token in Authorization.

    A refusal is plain text: the edge makes a problem of it.
    """
    sent = request.headers.getlist(API_KEY)
    try:
        if len(sent) != 1 or "," in sent[0] or "authorization" in request.headers:
            raise Unauthorized(f"send one {API_KEY} and no Authorization, or an access token alone")
        token = await _parts(request).exchange.token(sent[0])
    except Unauthorized as error:
        return PlainTextResponse(str(error), 401, headers={"www-authenticate": "Bearer"})
    return Response(headers={"authorization": f"Bearer {token}"})


def _parts(request: Request) -> Composition:
    parts: Composition = request.app.state.gateway
    return parts
