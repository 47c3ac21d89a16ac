"""The edge's image before a real gateway app: its module is loaded, and both its listeners refuse strangers."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import KeySet, RSAKey

from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.gateway.api import gateway_app
from local.edge import envoy_binary
from local.ports import any_free
from tests.integration.edge.certificates import write_certificate
from tests.integration.edge.processes import answers, served, wait_until
from tests.integration.infra.edge_image import arguments, render_bootstrap, with_others

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Started:
    """Where a container of the image would be reached: with and without TLS, and its admin."""

    plain: str
    tls: str
    admin: str

    def listeners(self) -> str:
        """All that it was told of them."""
        return httpx.get(f"{self.admin}/config_dump", params={"resource": "dynamic_listeners"}).text


@pytest.fixture(scope="module")
def started(edge_module: Path | None, azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Envoy with the image's bootstrap and the Deployment's arguments on other ports."""
    folder = tmp_path_factory.mktemp("edge")
    write_certificate(folder / "tls", "edge")
    plain, tls, admin, stats, gateway, identity = any_free(6)
    here = Started(f"http://{HOST}:{plain}", f"https://{HOST}:{tls}", f"http://{HOST}:{admin}")
    bootstrap = render_bootstrap(folder, edge_module)
    moved = {
        "edgePort: 8080": f"edgePort: {plain}",
        "edgeTlsPort: 8443": f"edgeTlsPort: {tls}",
        "port_value: 9901": f"port_value: {admin}",
        'address: "gateway", port_value: 80}': f'address: "{HOST}", port_value: {gateway}}}',
    }
    bootstrap.write_text(with_others(bootstrap.read_text(), moved))
    given = with_others("\0".join(arguments(bootstrap)), {"9901": str(admin), "9902": str(stats)}).split("\0")
    urls = {"gateway": f"http://{HOST}:{gateway}", "identity": f"http://{HOST}:{identity}"}
    apps = [
        (HOST, gateway, gateway_app(Runtime("gateway", _settings(folder, azurite, urls, here.plain)))),
        (HOST, identity, _keys()),
    ]
    with served(apps), (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen([str(envoy_binary()), *given], stdout=log, stderr=subprocess.STDOUT)
        try:
            for url in (here.plain, here.tls):
                wait_until(partial(answers, f"{url}/gateway/health/live"), f"the edge routes at {url}", 60)
            yield here
        finally:
            process.kill()
            process.wait()


def _settings(folder: Path, storage: str, urls: dict[str, str], edge_url: str) -> Settings:
    """The control secret is made beside the bootstrap, where Envoy looks for it."""
    return Settings(
        storage_connection=storage,
        service_urls=urls,
        issuer=f"{edge_url}/identity",
        edge_url=edge_url,
        keys_dir=folder,
        signalr_connection="Endpoint=http://127.0.0.1:8888;AccessKey=none;Version=1.0;",
    )


def _keys() -> FastAPI:
    """What the gateway app asks identity for."""
    app = FastAPI(title="identity")
    known = KeySet([RSAKey.generate_key(2048, {"kid": "one"}, private=False)]).as_dict(private=False)
    app.get("/identity/.well-known/jwks.json")(lambda: known)
    return app


def test_the_images_module_is_what_checks(started: Started, edge_module: Path | None) -> None:
    if edge_module is None:
        pytest.skip("the image's compiler is not here")
    told = started.listeners()
    assert f'"filename": "{edge_module}"' in told
    assert "envoy.filters.http.rbac" not in told


def test_nothing_that_the_edge_was_told_is_refused(started: Started) -> None:
    text = httpx.get(f"{started.admin}/stats", params={"filter": "update_rejected$"}).text
    refused = {name: int(value) for name, _, value in (line.partition(": ") for line in text.splitlines())}
    assert "listener_manager.lds.update_rejected" in refused
    assert {name for name, times in refused.items() if times} == set()


def test_without_a_token_nobody_passes_with_or_without_tls(started: Started) -> None:
    for url in (started.plain, started.tls):
        answer = httpx.get(f"{url}/metadata/schemas", verify=False)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
