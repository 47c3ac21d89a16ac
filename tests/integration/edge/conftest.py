"""A real Envoy before real gateway and identity apps, and a small upstream that tells what reached it."""

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree, ignore_patterns
from string import Template
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI, Request, Response
from joserfc.jwk import ECKey

from chassis.http.app import create_app
from chassis.runtime import Runtime
from chassis.settings import ROOT, Settings
from functions.gateway.api import gateway_app
from functions.identity.api import identity_app
from local.edge import envoy_command
from local.ports import any_free

HOST = "127.0.0.1"
ORIGIN = "https://console.example"
SECRET = "correct horse battery staple"
UPSTREAM = """
service: metadata
layer: platform
routes:
  - {path: "/metadata/schemas/{name}", methods: [PUT], scope: metadata.write, maxBodyBytes: 1000}
  - {path: "/metadata/schemas/{name}", methods: [GET], scope: metadata.read, idempotent: true}
  - {path: "/metadata/admin", methods: [GET], scope: metadata.admin}
  - {path: "/metadata/slow", methods: [GET], scope: metadata.read, timeoutSeconds: 0.3}
  - {path: "/metadata/late", methods: [GET], scope: metadata.read}
  - {path: "/metadata/health/live", methods: [GET], public: true}
  - {path: "/client/{*rest}", methods: [GET, POST], public: true, websocket: true, upstream: signalr}
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


@dataclass
class Upstream:
    """Answers every path with what it got; keeps the trace exports."""

    exports: list[tuple[str, bytes]] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    """The methods by which the flaky thing was asked: its first answer is 503, then 200."""

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

        @app.get("/metadata/slow")
        async def slow() -> str:
            await asyncio.sleep(1)
            return "late"

        @app.get("/metadata/late")
        async def late() -> str:
            await asyncio.sleep(2)
            return "late"

        @app.get("/metadata/openapi.json")
        async def document() -> dict[str, Any]:
            operation = {"responses": {}, "operationId": "read"}
            return {"paths": {"/metadata/schemas/{schema}": {"get": operation}, "/metadata/inner": {"get": operation}}}

        @app.api_route("/{path:path}", methods=["GET", "PUT", "POST", "DELETE"])
        async def echo(path: str, request: Request) -> dict[str, Any]:
            return {"path": path, "headers": dict(request.headers), "bytes": len(await request.body())}

        return app


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


@dataclass
class Edge:
    """What a test needs of the running edge."""

    url: str
    gateway_url: str
    identity_url: str
    upstream: Upstream
    canary: NewVersion
    canary_url: str
    manifests: Path
    keys: Path
    storage: str
    another: Callable[..., AbstractContextManager[str]]
    """One more Envoy of the same edge: its id and options in, its address out."""
    admins: dict[str, str]
    """Each Envoy's admin by the address of its edge."""

    def token(self, client: str = "demo", scope: str | None = None) -> str:
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = httpx.post(f"{self.identity_url}/identity/oauth2/token", data=form, auth=(client, SECRET))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        if token:
            headers = {**headers, "authorization": f"Bearer {token}"}
        return httpx.request(method, self.url + path, headers=headers, timeout=10, **options)


@pytest.fixture(scope="module")
def edge(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("edge")
    edge_port, admin, gateway, identity, echo, dead, new = any_free(7)
    urls = dict.fromkeys(("metadata", "monitoring", "reporting"), f"http://{HOST}:{echo}")
    urls |= {name: f"http://{HOST}:{port}" for name, port in _named(gateway, identity, dead)}
    urls["metadata-canary"] = f"http://{HOST}:{new}"
    settings = Settings(
        storage_connection=azurite,
        service_urls=urls,
        issuer=f"http://{HOST}:{edge_port}/identity",
        edge_url=f"http://{HOST}:{edge_port}",
        keys_dir=folder / "keys",
        signing_keys_dir=folder / "signing",
        clients_file=folder / "clients.json",
        edge_cors_origins=(ORIGIN,),
        signalr_connection=f"Endpoint=http://{HOST}:{echo};AccessKey=none;Version=1.0;",
        manifests_dir=_manifests(folder / "manifests"),
    )
    settings.keys_dir.mkdir()
    settings.clients_file.write_text(json.dumps(_clients(settings.keys_dir)))
    upstream, canary = Upstream(), NewVersion()
    apps = {
        gateway: gateway_app(Runtime("gateway", settings)),
        identity: identity_app(Runtime("identity", settings)),
        echo: upstream.app(),
        new: canary.app(Runtime("metadata", settings)),
    }

    @contextmanager
    def another(id: str, *, answers: bool = True, **options: int) -> Iterator[str]:
        port, its_admin = any_free(2)
        url = f"http://{HOST}:{port}"
        with _envoy(folder, settings, id, port, its_admin, gateway, **options):
            if answers:
                wait_until(lambda: _answers(f"{url}/metadata/health/live"), f"{id} answers")
            admins[url] = f"http://{HOST}:{its_admin}"
            yield url

    admins = {settings.edge_url: f"http://{HOST}:{admin}"}
    running = Edge(
        url=settings.edge_url,
        gateway_url=urls["gateway"],
        identity_url=urls["identity"],
        upstream=upstream,
        canary=canary,
        canary_url=urls["metadata-canary"],
        manifests=settings.manifests_dir,
        keys=folder,
        storage=azurite,
        another=another,
        admins=admins,
    )
    with _served(apps), _envoy(folder, settings, "edge", edge_port, admin, gateway):
        wait_until(lambda: _answers(f"{running.url}/metadata/health/live"), "the edge answers")
        yield running


def wait_until(condition: Callable[[], bool], what: str, within_s: float = 15) -> float:
    """Look often until the condition holds; gives the seconds it took. Fails when it never does."""
    started = time.monotonic()
    while time.monotonic() - started < within_s:
        if condition():
            return time.monotonic() - started
        time.sleep(0.05)
    pytest.fail(f"not within {within_s} s: {what}")


def _named(gateway: int, identity: int, dead: int) -> list[tuple[str, int]]:
    return [("gateway", gateway), ("identity", identity), ("audit", dead)]


def _manifests(folder: Path) -> Path:
    for service in ("gateway", "identity"):
        copytree(ROOT / "functions" / service, folder / service, ignore=ignore_patterns("*.py", "__pycache__", "envoy"))
    for service, text in (("metadata", UPSTREAM), ("audit", DEAD), ("reporting", NARROW)):
        (folder / service).mkdir()
        (folder / service / "service.yaml").write_text(text)
    return folder


def _clients(keys: Path) -> list[dict[str, Any]]:
    service = ECKey.generate_key("P-256", private=True)
    (keys / "gateway.jwk").write_text(json.dumps(service.as_dict(private=True)))
    secret = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SECRET)
    scopes = ["metadata.read", "metadata.write", "audit.read", "reporting.read", "gateway.read", "gateway.keys"]
    tenants = {"demo": "acme", "other": "acme", "quiet": "calm", "wide": "broad", "operator": "platform"}
    applications = [
        {
            "clientId": name,
            "tenant": tenant,
            "kind": "application",
            "scopes": [*scopes, "gateway.write"] if name == "operator" else scopes,
            "secretHash": secret,
        }
        for name, tenant in tenants.items()
    ]
    gateway: dict[str, Any] = {"clientId": "svc-gateway", "tenant": "platform", "kind": "service"}
    gateway |= {
        "scopes": ["monitoring.ingest", "identity.on-behalf"],
        "grants": ["client_credentials", "token_exchange"],
    }
    return [*applications, {**gateway, "jwk": service.as_dict(private=False)}]


@contextmanager
def _served(apps: dict[int, FastAPI]) -> Iterator[None]:
    """Each app on its port, on one event loop in a thread."""
    servers = [
        uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning", lifespan="off"))
        for port, app in apps.items()
    ]

    async def serve() -> None:
        await asyncio.gather(*(server.serve() for server in servers))
        for app in apps.values():
            if hasattr(app.state, "runtime"):
                await app.state.runtime.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    wait_until(lambda: all(server.started for server in servers), "the apps listen")
    # The first look at readiness makes the control secret, which must be there before Envoy starts.
    for port, app in apps.items():
        if hasattr(app.state, "runtime"):
            assert httpx.get(f"http://{HOST}:{port}/{app.title}/health/ready").status_code == 200
    yield
    for server in servers:
        server.should_exit = True
    thread.join(10)


@contextmanager
def _envoy(
    folder: Path,
    settings: Settings,
    id: str,
    edge_port: int,
    admin: int,
    gateway: int,
    *,
    tls_port: int = 0,
    max_heap_bytes: int = 1_073_741_824,
) -> Iterator[None]:
    template = Template((ROOT / "functions" / "gateway" / "envoy" / "bootstrap.yaml").read_text())
    config = folder / f"{id}.yaml"
    config.write_text(
        template.substitute(
            EDGE_ID=id,
            EDGE_HOST=HOST,
            EDGE_PORT=edge_port,
            EDGE_TLS_PORT=tls_port,
            EDGE_TLS_CERTIFICATE=folder / "tls" / "tls.crt" if tls_port else "",
            EDGE_TLS_KEY=folder / "tls" / "tls.key" if tls_port else "",
            EDGE_MAX_HEAP_BYTES=max_heap_bytes,
            ADMIN_PORT=admin,
            GATEWAY_HOST=HOST,
            GATEWAY_PORT=gateway,
            CONTROL_SECRET_FILE=settings.keys_dir / "edge-control.secret",
        )
    )
    with (folder / f"{id}.log").open("wb") as log:
        process = subprocess.Popen(envoy_command(config), stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.TransportError:
        return False
