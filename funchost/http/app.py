"""The host's ASGI application."""

import os
from collections.abc import Awaitable, Callable
from typing import Protocol

from funchost.http.admin import AdminApi, AdminHost
from funchost.http.keys import AccessKeys
from funchost.http.request import Receive, Scope
from funchost.http.response import Send, send_content, send_response, send_status
from funchost.http.routes import RouteTable
from funchost.http.trigger import HttpTrigger
from funchost.in_flight import InFlight

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_RESERVED = ("/admin/", "/runtime/")
DURABLE_PATH = "/runtime/webhooks/durabletask"
_DISABLE_HOME = "AzureWebJobsDisableHomepage"
_HOME = b"<!doctype html><title>funchost</title><h1>Your function app is up and running</h1>"


class HostState(AdminHost, Protocol):
    """What the host's own endpoints tell."""

    @property
    def is_ready(self) -> bool:
        """Whether every listener has started and the host is not draining."""
        ...


class HostApp:
    """Dispatches requests to functions, the durable engine's web API and the host's own endpoints.

    While draining, functions answer 503, but the engine's API goes on: functions that still run may need it.
    """

    def __init__(
        self, routes: RouteTable[HttpTrigger], state: HostState, keys: AccessKeys | None, durable: Asgi | None
    ) -> None:
        self._routes = routes
        self._state = state
        self._admin = AdminApi(state, keys)
        self._durable = durable
        self.in_flight = InFlight()
        self.is_draining = False
        self._own: dict[str, Callable[[Scope, Send], Awaitable[None]]] = {
            "/": self._home,
            "/runtime/health/live": self._ok,
            "/runtime/health/ready": self._ready,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point; only HTTP is served."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith(_RESERVED):
            await self._answer_own(path, scope, receive, send)
            return
        found = self._routes.find(scope["method"], path)
        if found is None:
            await self._answer_own(path, scope, receive, send)
        elif self.is_draining:
            await send_response(send, 503, [(b"retry-after", b"1"), (b"connection", b"close")], b"")
        else:
            self.in_flight.begin()
            try:
                await found[0].answer(scope, receive, send, found[1])
            finally:
                self.in_flight.end()

    async def _answer_own(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._durable is not None and path.startswith(DURABLE_PATH):
            if self._admin.admits(scope):
                await self._durable(_mounted(scope), receive, send)
            else:
                await send_status(send, 401)
        elif path.startswith("/admin/"):
            await self._admin.answer(path, scope, receive, send)
        elif scope["method"] in ("GET", "HEAD", "POST") and (own := self._own.get(path.rstrip("/") or "/")):
            await own(scope, send)
        else:
            await send_status(send, 404)

    async def _home(self, scope: Scope, send: Send) -> None:
        if os.environ.get(_DISABLE_HOME, "").lower() == "true":
            await send_status(send, 204)
        else:
            await send_content(send, _HOME, "text/html; charset=utf-8")

    async def _ok(self, scope: Scope, send: Send) -> None:
        await send_status(send, 200)

    async def _ready(self, scope: Scope, send: Send) -> None:
        await send_status(send, 200 if self._state.is_ready else 503)


def _mounted(scope: Scope) -> Scope:
    """The scope as an ASGI app mounted at DURABLE_PATH expects it: the full path, and root_path before it."""
    return {**scope, "root_path": scope.get("root_path", "") + DURABLE_PATH}
