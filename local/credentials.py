"""Secrets made at first start: the services' keys, the demo client, the SignalR access key. None is in the repo."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from chassis.manifest import SERVICES, ServiceManifest
from local.layout import Layout

PLATFORM_TENANT = "platform"
DEMO_CLIENT, DEMO_TENANT = "demo", "demo"
EVERY_SERVICE_SENDS = ("monitoring.ingest",)


class Client(BaseModel):
    """One client as the identity service reads it: a public key, or the hash of a secret, never both."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    client_id: str
    tenant: str
    kind: Literal["service", "application"]
    scopes: tuple[str, ...]
    grants: tuple[str, ...] = ("client_credentials",)
    jwk: dict[str, str] | None = None
    secret_hash: str | None = None


@dataclass(frozen=True)
class DemoClient:
    """The demo client's id and secret."""

    id: str
    secret: SecretStr


@dataclass(frozen=True)
class Credentials:
    """What a start needs of them."""

    demo_client: DemoClient
    signalr_key: SecretStr


def make_credentials(layout: Layout, manifests: Mapping[str, ServiceManifest]) -> Credentials:
    """Make what is missing, keep what is there, and write the clients file anew, as scopes may have changed."""
    demo = _demo_client(layout.demo_client_file)
    clients = [_service_client(layout, name, manifests.get(name)) for name in SERVICES]
    clients.append(_application(demo, _hash_of(demo, layout.clients_file), demo_scopes(manifests)))
    content = [client.model_dump(mode="json", by_alias=True) for client in clients]
    write_secret(layout.clients_file, orjson.dumps(content, option=orjson.OPT_INDENT_2))
    return Credentials(demo, SecretStr(_signalr_key(layout.signalr_key_file)))


def service_scopes(manifest: ServiceManifest | None) -> tuple[str, ...]:
    """The least a service's own identity needs: what it says it calls, and sending telemetry."""
    called = [] if manifest is None else [scope for scopes in manifest.calls.values() for scope in scopes]
    return tuple(sorted({*called, *EVERY_SERVICE_SENDS}))


def demo_scopes(manifests: Mapping[str, ServiceManifest]) -> tuple[str, ...]:
    """What the demo client may do: read and write everywhere, and send notifications; not ingest telemetry."""
    routed = {route.scope for manifest in manifests.values() for route in manifest.routes if route.scope}
    usual = {f"{service}.{verb}" for service in SERVICES for verb in ("read", "write")}
    return tuple(sorted((routed | usual | {"notification.send"}) - set(EVERY_SERVICE_SENDS)))


def write_secret(file: Path, content: bytes) -> None:
    """Replace a file that only its owner may read, in one step."""
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    partial.replace(file)


def _service_client(layout: Layout, service: str, manifest: ServiceManifest | None) -> Client:
    file = layout.keys / f"{service}.jwk"
    if not file.exists():
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
        write_secret(file, orjson.dumps(key.as_dict(private=True)))
    calls = {} if manifest is None else manifest.calls
    public = ECKey.import_key(orjson.loads(file.read_bytes())).as_dict(private=False)
    return Client(
        client_id=f"svc-{service}",
        tenant=PLATFORM_TENANT,
        kind="service",
        scopes=service_scopes(manifest),
        grants=("client_credentials", "token_exchange") if "identity" in calls else ("client_credentials",),
        jwk={name: str(value) for name, value in public.items()},
    )


def _application(demo: DemoClient, secret_hash: str, scopes: tuple[str, ...]) -> Client:
    return Client(client_id=demo.id, tenant=DEMO_TENANT, kind="application", scopes=scopes, secret_hash=secret_hash)


def read_demo_client(file: Path) -> DemoClient | None:
    """The demo client of an earlier start; None when there was none."""
    if not file.exists():
        return None
    content = orjson.loads(file.read_bytes())
    return DemoClient(content["clientId"], SecretStr(content["clientSecret"]))


def _demo_client(file: Path) -> DemoClient:
    demo = read_demo_client(file)
    if demo is None:
        demo = DemoClient(DEMO_CLIENT, SecretStr(secrets.token_urlsafe(32)))
        write_secret(file, orjson.dumps({"clientId": demo.id, "clientSecret": demo.secret.get_secret_value()}))
    return demo


def _hash_of(demo: DemoClient, clients_file: Path) -> str:
    """The hash that is there, when it is this secret's: hashing anew would change the file at every start."""
    hasher = PasswordHasher()
    known: list[dict[str, Any]] = orjson.loads(clients_file.read_bytes()) if clients_file.exists() else []
    for client in known:
        if client.get("clientId") == demo.id and client.get("secretHash") and _fits(hasher, client, demo):
            return str(client["secretHash"])
    return hasher.hash(demo.secret.get_secret_value())


def _fits(hasher: PasswordHasher, client: dict[str, Any], demo: DemoClient) -> bool:
    try:
        return hasher.verify(client["secretHash"], demo.secret.get_secret_value())
    except (VerificationError, InvalidHashError):
        return False


def _signalr_key(file: Path) -> str:
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(48).encode())
    return file.read_text(encoding="utf-8").strip()
