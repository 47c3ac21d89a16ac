"""The server side of the stand-in: the REST API that the Functions host calls, in its two shapes.

v1: `/api/v1/hubs/{hub}/…`; 2022-06-01: `/api/hubs/{hub}/…/:send`.
https://learn.microsoft.com/azure/azure-signalr/signalr-reference-data-plane-rest-api
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from aiohttp import web

from local.signalr import protocol
from local.signalr.endpoint import Endpoint, bearer
from local.signalr.hub import Connection, Hub, send

Handler = Callable[[web.Request], Awaitable[web.Response]]
_MEMBERS = [(prefix, kind) for prefix in ("/api/v1/hubs/{hub}", "/api/hubs/{hub}") for kind in ("users", "connections")]
Targets = Callable[[Hub, web.Request], Iterable[Connection]]


class RestApi:
    """Its routes, over the hubs of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def routes(self) -> list[web.RouteDef]:
        """Both shapes of every call."""
        everyone, user, group, one = (self._sender(which) for which in (_everyone, _user, _group, _one))
        old, new = "/api/v1/hubs/{hub}", "/api/hubs/{hub}"
        return [
            *_posts(everyone, old, f"{new}/:send"),
            *_posts(user, f"{old}/users/{{user}}", f"{new}/users/{{user}}/:send"),
            *_posts(group, f"{old}/groups/{{group}}", f"{new}/groups/{{group}}/:send"),
            *_posts(one, f"{old}/connections/{{connection}}", f"{new}/connections/{{connection}}/:send"),
            *self._memberships(f"{old}/groups/{{group}}/users/{{user}}", f"{old}/users/{{user}}/groups/{{group}}"),
            *self._memberships(f"{new}/users/{{user}}/groups/{{group}}"),
            *(web.delete(f"{prefix}/{kind}/{{{kind[:-1]}}}/groups", self._leave_all) for prefix, kind in _MEMBERS),
            *self._memberships(*(f"{prefix}/groups/{{group}}/connections/{{connection}}" for prefix in (old, new))),
        ]

    def _sender(self, targets: Targets) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            hub = self._open(request)
            record = _invocation(await request.read())
            send(targets(hub, request), record, request.query.getall("excluded", []))
            return web.Response(status=202)

        return handle

    def _memberships(self, *paths: str) -> list[web.RouteDef]:
        return [r for path in paths for r in (web.put(path, self._join), web.delete(path, self._leave))]

    async def _join(self, request: web.Request) -> web.Response:
        hub, names = self._open(request), request.match_info
        if "user" in names:
            hub.join_user(names["group"], names["user"])
        elif not hub.join_connection(names["group"], names["connection"]):
            raise web.HTTPNotFound
        return web.Response(status=200)

    async def _leave(self, request: web.Request) -> web.Response:
        hub, names = self._open(request), request.match_info
        if "user" in names:
            hub.leave_user(names["group"], names["user"])
        else:
            hub.leave_connection(names["group"], names["connection"])
        return web.Response(status=200)

    async def _leave_all(self, request: web.Request) -> web.Response:
        hub, names = self._open(request), request.match_info
        hub.leave_all(user_id=names.get("user"), connection_id=names.get("connection"))
        return web.Response(status=200)

    def _open(self, request: web.Request) -> Hub:
        self._endpoint.access.check(bearer(request), str(request.url))
        return self._endpoint.hubs[request.match_info["hub"].lower()]


def _posts(handler: Handler, *paths: str) -> list[web.RouteDef]:
    return [web.post(path, handler) for path in paths]


def _everyone(hub: Hub, _request: web.Request) -> Iterable[Connection]:
    return hub.connections.values()


def _user(hub: Hub, request: web.Request) -> Iterable[Connection]:
    return hub.of_user(request.match_info["user"])


def _group(hub: Hub, request: web.Request) -> Iterable[Connection]:
    return hub.of_group(request.match_info["group"])


def _one(hub: Hub, request: web.Request) -> Iterable[Connection]:
    found = hub.connections.get(request.match_info["connection"])
    return () if found is None else (found,)


def _invocation(body: bytes) -> bytes:
    try:
        message: Any = orjson.loads(body)
        target, arguments = message["target"], message.get("arguments", [])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise web.HTTPBadRequest(text="a target and its arguments are needed") from None
    if not isinstance(target, str) or not target or not isinstance(arguments, list):
        raise web.HTTPBadRequest(text="the target is a name, the arguments are a list")
    return protocol.invocation(target, arguments)
