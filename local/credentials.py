"""Secrets made at first start: services' keys, clients, the console's user, the SignalR key. None is in the repo."""

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

from chassis.auth.argon2_cost import LANES, MEMORY_KIB, TIME_COST
from chassis.manifest import SERVICES, ServiceManifest
from local.layout import Layout

PLATFORM_TENANT = "platform"
DEMO_CLIENT, DEMO_TENANT = "demo", "demo"
OPERATOR_CLIENT, CONSOLE_CLIENT = "operator", "console"
CONSOLE_USER = "admin"
EVERY_SERVICE_SENDS = ("monitoring.ingest",)
OPERATORS_ONLY = ("gateway.write", "identity.keys", "identity.tenants")


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
    public: bool = False
    redirect_uris: tuple[str, ...] = ()


class User(BaseModel):
    """One user of the development login as the identity service reads it."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    user_name: str
    tenant: str
    name: str
    roles: tuple[str, ...]
    secret_hash: str


@dataclass(frozen=True)
class DemoClient:
    """A client's id and secret: the demo's, or the operator's."""

    id: str
    secret: SecretStr


@dataclass(frozen=True)
class Credentials:
    """What a start needs of them."""

    demo_client: DemoClient
    signalr_key: SecretStr


def make_credentials(layout: Layout, manifests: Mapping[str, ServiceManifest], edge_url: str) -> Credentials:
    """Make what is missing, keep what is there, and write the clients file anew, as scopes may have changed.

    `edge_url` is where the console's sign-in leads back to.
    """
    demo = _secret_of(layout.demo_client_file, DEMO_CLIENT)
    operator = _secret_of(layout.operator_client_file, OPERATOR_CLIENT)
    usual = demo_scopes(manifests)
    clients = [_service_client(layout, name, manifests.get(name)) for name in SERVICES]
    clients.append(_application(demo, DEMO_TENANT, _hash_of(demo, layout.clients_file), usual))
    operators = tuple(sorted({*usual, *OPERATORS_ONLY}))
    clients.append(_application(operator, PLATFORM_TENANT, _hash_of(operator, layout.clients_file), operators))
    clients.append(_console(edge_url, usual))
    content = [client.model_dump(mode="json", by_alias=True) for client in clients]
    write_secret(layout.clients_file, orjson.dumps(content, option=orjson.OPT_INDENT_2))
    _make_users(layout)
    return Credentials(demo, SecretStr(_signalr_key(layout.signalr_key_file)))


def service_scopes(manifest: ServiceManifest | None) -> tuple[str, ...]:
    """The least a service's own identity needs: what it says it calls, and sending telemetry."""
    called = [] if manifest is None else [scope for scopes in manifest.calls.values() for scope in scopes]
    return tuple(sorted({*called, *EVERY_SERVICE_SENDS}))


def demo_scopes(manifests: Mapping[str, ServiceManifest]) -> tuple[str, ...]:
    """What the demo client may do: read and write everywhere, and send notifications; no telemetry, no operations."""
    routed = {route.scope for manifest in manifests.values() for route in manifest.routes if route.scope}
    usual = {f"{service}.{verb}" for service in SERVICES for verb in ("read", "write")}
    return tuple(sorted((routed | usual | {"notification.send"}) - {*EVERY_SERVICE_SENDS, *OPERATORS_ONLY}))


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


def _application(client: DemoClient, tenant: str, secret_hash: str, scopes: tuple[str, ...]) -> Client:
    return Client(
        client_id=client.id,
        tenant=tenant,
        kind="application",
        scopes=scopes,
        grants=("client_credentials", "token_exchange"),
        secret_hash=secret_hash,
    )


def _console(edge_url: str, scopes: tuple[str, ...]) -> Client:
    return Client(
        client_id=CONSOLE_CLIENT,
        tenant=PLATFORM_TENANT,
        kind="application",
        scopes=scopes,
        grants=("authorization_code", "refresh_token"),
        public=True,
        redirect_uris=(f"{edge_url}/console/", f"{edge_url}/console/callback"),
    )


def _make_users(layout: Layout) -> None:
    """One user of the development login, an administrator of the demo's tenant."""
    if layout.console_login_file.exists() and layout.users_file.exists():
        return
    password = secrets.token_urlsafe(12)
    user = User(
        user_name=CONSOLE_USER,
        tenant=DEMO_TENANT,
        name="Development administrator",
        roles=("administrator",),
        secret_hash=PasswordHasher(TIME_COST, MEMORY_KIB, LANES).hash(password),
    )
    write_secret(layout.users_file, orjson.dumps([user.model_dump(mode="json", by_alias=True)]))
    write_secret(layout.console_login_file, orjson.dumps({"userName": CONSOLE_USER, "password": password}))


def read_demo_client(file: Path) -> DemoClient | None:
    """The demo client (or the operator's) of an earlier start; None when there was none."""
    if not file.exists():
        return None
    content = orjson.loads(file.read_bytes())
    return DemoClient(content["clientId"], SecretStr(content["clientSecret"]))


def _secret_of(file: Path, client_id: str) -> DemoClient:
    known = read_demo_client(file)
    if known is None:
        known = DemoClient(client_id, SecretStr(secrets.token_urlsafe(32)))
        write_secret(file, orjson.dumps({"clientId": known.id, "clientSecret": known.secret.get_secret_value()}))
    return known


def _hash_of(demo: DemoClient, clients_file: Path) -> str:
    """The hash that is there, when it is this secret's: hashing anew would change the file at every start."""
    hasher = PasswordHasher(TIME_COST, MEMORY_KIB, LANES)
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
