"""The services behind the edge that the tests watch: what they are told, what they answer, what reached them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

from aiohttp import web
from fastapi import APIRouter, FastAPI, Request, Response

from chassis.http.app import create_app
from chassis.runtime import Runtime
from chassis.settings import ROOT

HOST = "127.0.0.1"
UPSTREAM = """
service: metadata
layer: platform
routes:
  - {path: "/metadata/schemas/{name}", methods: [PUT], scope: metadata.write, maxBodyBytes: 1000}
  - {path: "/metadata/schemas/{name}", methods: [GET], scope: metadata.read, idempotent: true}
  - {path: "/metadata/admin", methods: [GET], scope: metadata.admin}
  - {path: "/metadata/slow", methods: [GET], scope: metadata.read, timeoutSeconds: 0.3}
  - {path: "/metadata/late", methods: [GET], scope: metadata.read}
  - {path: "/metadata/held", methods: [GET], scope: metadata.read}
  - {path: "/metadata/health/live", methods: [GET], public: true}
"""
PUSH = """
service: notification
layer: infrastructure
routes: [{path: "/client/{*rest}", methods: [GET, POST], public: true, websocket: true, upstream: signalr}]
"""
DEAD = """
service: audit
layer: infrastructure
routes: [{path: "/audit/events", methods: [GET], scope: audit.read, idempotent: true}]
"""
NARROW = """
service: reporting
layer: core
routes: [{path: "/reporting/reports", methods: [GET], scope: reporting.read}]
rateLimit: {requestsPerSecond: 2, burst: 4, premium: {requestsPerSecond: 100, burst: 100}}
"""

PODS = """
service: processing
layer: core
routes:
  - {path: "/processing/jobs", methods: [GET, POST], scope: processing.read}
  - {path: "/processing/jobs/{id}", methods: [GET], scope: processing.read, idempotent: true}
  - {path: "/processing/jobs/{id}/result", methods: [GET], scope: processing.read, timeoutSeconds: 1}
rateLimit: {requestsPerSecond: 10000, burst: 10000}
"""
MANIFESTS = {"metadata": UPSTREAM, "notification": PUSH, "audit": DEAD, "reporting": NARROW, "processing": PODS}


@dataclass
class Upstream:
    """Answers every path with what it got; keeps the trace exports."""

    exports: list[tuple[str, bytes]] = field(default_factory=list)
    bodies: int = 0
    """Requests with a body that arrived."""
    broken: int = 0
    """How often the broken thing was asked; it answers 503, as soon as so many have asked:"""
    broken_together: int = 1
    flaky: list[str] = field(default_factory=list)
    """The methods by which the flaky thing was asked: its first answer is 503, then 200."""
    late: int = 0
    """How often the thing was asked that takes two seconds."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends what is held."""

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.post("/monitoring/otlp/v1/traces")
        async def traces(request: Request) -> Response:
            self.exports.append((request.headers["authorization"], await request.body()))
            return Response(b"", media_type="application/x-protobuf")

        @app.api_route("/metadata/schemas/flaky", methods=["GET", "PUT"])
        async def flaky(request: Request) -> Response:
            self.flaky.append(request.method)
            return Response(status_code=503 if self.flaky.count(request.method) == 1 else 200)

        @app.get("/metadata/schemas/broken")
        async def broken() -> Response:
            self.broken += 1
            while self.broken < self.broken_together:  # noqa: ASYNC110 - others are to ask meanwhile
                await asyncio.sleep(0.01)
            return Response(status_code=503)

        self._add_what_takes_time(app)

        @app.get("/metadata/openapi.json")
        async def document() -> dict[str, Any]:
            operation = {"responses": {}, "operationId": "read"}
            return {"paths": {"/metadata/schemas/{schema}": {"get": operation}, "/metadata/inner": {"get": operation}}}

        @app.api_route("/{path:path}", methods=["GET", "PUT", "POST", "DELETE"])
        async def echo(path: str, request: Request) -> dict[str, Any]:
            size = len(await request.body())
            self.bodies += size > 0
            return {"path": path, "headers": dict(request.headers), "bytes": size}

        return app

    def _add_what_takes_time(self, app: FastAPI) -> None:
        @app.get("/metadata/slow")
        async def slow() -> str:
            await asyncio.sleep(5)
            return "late"

        @app.get("/metadata/late")
        async def late() -> str:
            self.late += 1
            await asyncio.sleep(2)
            return "late"

        @app.get("/metadata/held")
        async def held() -> str:
            await asyncio.to_thread(self.released.wait, 30)
            return "held"


@dataclass
class NewVersion:
    """The next version of metadata, a canary: a service like ours, with the metrics that each has."""

    failing: bool = False
    asked: int = 0

    def app(self, runtime: Runtime) -> FastAPI:
        router = APIRouter()

        @router.get("/metadata/schemas/{name}")
        async def schema(name: str, response: Response) -> dict[str, str]:
            self.asked += 1
            response.status_code = 500 if self.failing else 200
            return {"name": name}

        return create_app(runtime, router)


@contextmanager
def echoing_websocket(port: int) -> Iterator[None]:
    """In place of SignalR: every message comes back."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def healthy(_: web.Request) -> web.Response:
        return web.Response()

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.get("/client/{rest:.*}", echo), web.get("/api/health", healthy)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        started.set()
        await asyncio.to_thread(ended.wait)
        await runner.cleanup()

    started, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10)
    yield
    ended.set()
    thread.join(10)


def write_manifests(folder: Path) -> Path:
    """The real ones of gateway and identity, and those of the services above."""
    for service in ("gateway", "identity"):
        copytree(ROOT / "functions" / service, folder / service, ignore=ignore_patterns("*.py", "__pycache__", "envoy"))
    for service, text in MANIFESTS.items():
        (folder / service).mkdir()
        (folder / service / "service.yaml").write_text(text)
    return folder
