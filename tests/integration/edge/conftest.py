"""A real Envoy before real gateway and identity apps, and small services that tell what reached them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from azure.data.tables import TableServiceClient
from joserfc.jwk import ECKey

from chassis.runtime import Runtime
from chassis.settings import Settings
from functions.gateway.api import gateway_app
from functions.gateway.repository import INSTANCES_TABLE
from functions.identity.api import identity_app
from local.ports import any_free
from tests.integration.edge.edge import ORIGIN, SECRET, Edge, running_edge
from tests.integration.edge.names import served_names
from tests.integration.edge.pods import ADDRESSES, NAME, served_pods
from tests.integration.edge.processes import served
from tests.integration.edge.upstream import HOST, NewVersion, Upstream, echoing_websocket, write_manifests

HEADER_TIMEOUT_S, REQUEST_TIMEOUT_S = 1.0, 2.0
"""How slow a client may be here."""
TENANTS = {
    "demo": "acme",
    "other": "acme",
    "left": "pair",
    "right": "pair",
    "quiet": "calm",
    "wide": "broad",
    "operator": "platform",
}
"""Of each client."""
SCOPES = [
    *("metadata.read", "metadata.write", "audit.read", "reporting.read", "processing.read"),
    *("gateway.read", "gateway.keys"),
]


@pytest.fixture(scope="module")
def edge(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("edge")
    edge_port, gateway, identity, echo, signalr, dead, new, pods = any_free(8)
    urls = dict.fromkeys(("metadata", "monitoring", "reporting"), f"http://{HOST}:{echo}")
    own = {"gateway": gateway, "identity": identity, "audit": dead, "signalr": signalr, "metadata-canary": new}
    settings = _settings(folder, azurite, edge_port, urls | {name: f"http://{HOST}:{own[name]}" for name in own}, pods)
    _forget_other_edges(azurite)
    upstream, canary = Upstream(), NewVersion()
    apps = [
        (HOST, gateway, gateway_app(Runtime("gateway", settings))),
        (HOST, identity, identity_app(Runtime("identity", settings))),
        (HOST, echo, upstream.app()),
        (HOST, new, canary.app(Runtime("metadata", settings))),
    ]
    with served_names() as names, served(apps), echoing_websocket(signalr), served_pods(pods) as both:
        names.records[NAME] = ADDRESSES
        with running_edge(folder, settings, upstream, canary, names, both) as running:
            yield running


def _forget_other_edges(storage: str) -> None:
    """Envoys of the module before would count among this edge's for 15 s: each limit would be shared with them."""
    with TableServiceClient.from_connection_string(storage) as tables:
        tables.delete_table(INSTANCES_TABLE)


def _settings(folder: Path, storage: str, edge_port: int, urls: dict[str, str], pods: int) -> Settings:
    signalr = urls.pop("signalr")
    settings = Settings(
        storage_connection=storage,
        service_urls=urls,
        edge_service_url_template=f"http://{{service}}-pods.test:{pods}",
        issuer=f"http://{HOST}:{edge_port}/identity",
        edge_url=f"http://{HOST}:{edge_port}",
        keys_dir=folder / "keys",
        signing_keys_dir=folder / "signing",
        clients_file=folder / "clients.json",
        edge_cors_origins=(ORIGIN,),
        edge_header_timeout_s=HEADER_TIMEOUT_S,
        edge_request_timeout_s=REQUEST_TIMEOUT_S,
        signalr_connection=f"Endpoint={signalr};AccessKey=none;Version=1.0;",
        manifests_dir=write_manifests(folder / "manifests"),
    )
    settings.keys_dir.mkdir()
    settings.clients_file.write_text(json.dumps(_clients(settings.keys_dir)))
    return settings


def _clients(keys: Path) -> list[dict[str, Any]]:
    service = ECKey.generate_key("P-256", private=True)
    (keys / "gateway.jwk").write_text(json.dumps(service.as_dict(private=True)))
    secret = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SECRET)
    applications = [
        {
            "clientId": name,
            "tenant": tenant,
            "kind": "application",
            "scopes": [*SCOPES, "gateway.write", "identity.keys"] if name == "operator" else SCOPES,
            "secretHash": secret,
        }
        for name, tenant in TENANTS.items()
    ]
    gateway: dict[str, Any] = {"clientId": "svc-gateway", "tenant": "platform", "kind": "service"}
    gateway |= {
        "scopes": ["monitoring.ingest", "identity.on-behalf"],
        "grants": ["client_credentials", "token_exchange"],
    }
    return [*applications, {**gateway, "jwk": service.as_dict(private=False)}]
