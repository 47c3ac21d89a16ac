"""One server span and one measurement per request; unforeseen errors end here."""

from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.problems import unexpected_response

if TYPE_CHECKING:
    from chassis.runtime import Runtime


class RequestTracing:
    """ASGI middleware: a span named `METHOD /route`, the request's duration in seconds by route and status.

    Paths that begin with one of `untraced` leave no span (health probes, the trace receiver itself).
    """

    def __init__(self, app: ASGIApp, runtime: "Runtime", untraced: tuple[str, ...]) -> None:
        self._app = app
        self._runtime = runtime
        self._untraced = untraced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event of the ASGI server."""
        if scope["type"] != "http" or scope["path"].startswith(self._untraced):
            await self._guarded(scope, receive, send)
            return
        carrier = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        telemetry = self._runtime.telemetry
        started = perf_counter()
        status = 0

        async def observing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with telemetry.tracer.start_as_current_span(
            f"{scope['method']} {scope['path']}", context=propagate.extract(carrier), kind=SpanKind.SERVER
        ) as span:
            await self._guarded(scope, receive, observing)
            route = getattr(scope.get("route"), "path", "unmatched")
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.request.method", scope["method"])
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status)
        telemetry.request_duration.record(
            perf_counter() - started,
            {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status},
        )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the request's edge: logged with its trace, answered as a problem
            await unexpected_response(error)(scope, receive, send)
