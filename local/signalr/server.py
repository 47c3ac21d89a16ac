"""The stand-in as an aiohttp application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from local.signalr.access import Access, AccessDeniedError
from local.signalr.endpoint import CLIENT_TIMEOUT_S, PING_EVERY_S, Endpoint
from local.signalr.rest import RestApi

MAX_BODY_BYTES = 1_048_576
ENDPOINT = web.AppKey("endpoint", Endpoint)


def create_app(
    access_key: str, ping_every_s: float = PING_EVERY_S, client_timeout_s: float = CLIENT_TIMEOUT_S
) -> web.Application:
    """The application; all tokens are checked against `access_key`."""
    endpoint = Endpoint(Access(access_key), ping_every_s, client_timeout_s)
    app = web.Application(middlewares=[_allow_browsers, _deny_strangers], client_max_size=MAX_BODY_BYTES)
    app[ENDPOINT] = endpoint
    app.add_routes([web.get("/api/health", _health), web.head("/api/v1/health", _health)])
    app.add_routes([web.post("/client/negotiate", endpoint.negotiate), web.get("/client/", endpoint.connect)])
    app.add_routes([web.get("/client", endpoint.connect), web.options("/client/{any:.*}", _health)])
    app.add_routes(RestApi(endpoint).routes())
    app.cleanup_ctx.append(_keep_alive)
    return app


async def _health(_request: web.Request) -> web.Response:
    return web.Response(status=200)


async def _keep_alive(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[ENDPOINT].keep_alive())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@web.middleware
async def _deny_strangers(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith("/client") and request.method != "OPTIONS" and "hub" not in request.query:
        raise web.HTTPBadRequest(text="which hub?")
    try:
        return await handler(request)
    except AccessDeniedError as error:
        raise web.HTTPUnauthorized(text=str(error)) from None


@web.middleware
async def _allow_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """As the service does by default: pages of any origin may connect; the token is what admits them."""
    response = await handler(request)
    if "Origin" in request.headers and not response.prepared:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Headers"] = "authorization, content-type, x-requested-with"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    return response
