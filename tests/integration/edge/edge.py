"""The running edge as a test meets it."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from chassis.settings import Settings
from local.ports import any_free
from tests.integration.edge.names import Names
from tests.integration.edge.pods import Pod
from tests.integration.edge.processes import EnvoyPorts, answers, envoy, wait_until
from tests.integration.edge.upstream import HOST, NewVersion, Upstream

ORIGIN = "https://console.example"
SECRET = "correct horse battery staple"
ALIVE = "/metadata/health/live"
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What httpx would make anew for each request, which takes longer than the request itself."""


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
    names: Names
    pods: Sequence[Pod]
    """Of processing, the only service that the edge reaches by a name."""
    another: Callable[..., AbstractContextManager[str]]
    """One more Envoy of the same edge: its id and options in, its address out."""
    admins: dict[str, str] = field(default_factory=dict)
    """Each Envoy's admin by the address of its edge."""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

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
        return httpx.request(method, self.url + path, headers=headers, timeout=30, verify=_NO_TLS, **options)

    def stats(self, pattern: str) -> dict[str, int]:
        """Envoy's counters and gauges whose names match."""
        text = httpx.get(f"{self.admins[self.url]}/stats", params={"filter": pattern}).text
        return {name: int(value) for name, _, value in (line.partition(": ") for line in text.splitlines())}


@contextmanager
def running_edge(
    folder: Path, settings: Settings, upstream: Upstream, canary: NewVersion, names: Names, pods: Sequence[Pod]
) -> Iterator[Edge]:
    """The edge with one Envoy, once it answers; everything else must run."""
    gateway = urlsplit(settings.service_url("gateway")).port or 80

    @contextmanager
    def another(id: str, *, waits: bool = True, tls_port: int = 0, **options: Any) -> Iterator[str]:
        port, admin = any_free(2)
        url = f"http://{HOST}:{port}"
        edge.admins[url] = f"http://{HOST}:{admin}"
        with envoy(folder, id, EnvoyPorts(port, admin, gateway, names.port, tls_port), **options):
            if waits:
                wait_until(lambda: answers(url + ALIVE), f"{id} answers")
            yield url

    edge = Edge(
        url=settings.edge_url,
        gateway_url=settings.service_url("gateway"),
        identity_url=settings.service_url("identity"),
        upstream=upstream,
        canary=canary,
        canary_url=settings.service_url("metadata-canary"),
        manifests=settings.manifests_dir,
        keys=folder,
        storage=settings.storage_connection,
        names=names,
        pods=pods,
        another=another,
    )
    (admin,) = any_free(1)
    edge.admins[edge.url] = f"http://{HOST}:{admin}"
    with envoy(folder, "edge", EnvoyPorts(edge.port, admin, gateway, names.port)):
        wait_until(lambda: answers(edge.url + ALIVE), "the edge answers")
        yield edge
