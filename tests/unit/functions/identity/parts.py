"""Clients, keys and tables without files or network, for the tests of identity."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import uuid4

from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from chassis.context import principal
from chassis.messaging.events import Event
from chassis.storage.rows import Change, Delete, Insert, Row, RowChanged, RowExists
from functions.identity.directory.documents import Documents
from functions.identity.directory.models import Assignment, Role
from functions.identity.directory.roles import Roles
from functions.identity.keys.signing import SigningKeys
from functions.identity.schemas import Client

ISSUER = "https://edge.test/identity"
NOW = 1_800_000_000.0
SECRET = "open sesame"


@cache
def service_key() -> ECKey:
    return ECKey.generate_key("P-256", private=True)


@cache
def signing_keys() -> SigningKeys:
    key = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"}, private=True)
    return SigningKeys(key, [key])


@cache
def secret_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(SECRET)


def application(client_id: str = "demo", tenant: str = "acme") -> Client:
    scopes = frozenset({"metadata.read", "metadata.write"})
    return Client(client_id=client_id, tenant=tenant, kind="application", scopes=scopes, secret_hash=secret_hash())


def service_client() -> Client:
    public = service_key().as_dict(private=False)
    scopes = frozenset({"metadata.read"})
    return Client(client_id="svc-workflow", tenant="platform", kind="service", scopes=scopes, jwk=public)


def finder(*clients: Client) -> Any:
    by_id = {client.client_id: client for client in clients}

    async def find(client_id: str) -> Client | None:
        return by_id.get(client_id)

    return find


def assertion(key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good assertion of svc-workflow; a claim given as None is left out."""
    body: dict[str, Any] = {
        "iss": "svc-workflow",
        "sub": "svc-workflow",
        "aud": ISSUER,
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "jti": uuid4().hex,
    }
    body = {name: value for name, value in {**body, **claims}.items() if value is not None}
    head = header or {"alg": "ES256"}
    return jwt.encode(head, body, key or service_key(), algorithms=[head["alg"]])


def tenants() -> frozenset[str]:
    """Those that the settings name."""
    return frozenset({"acme", "rival", "platform"})


def no_roles() -> Roles:
    """Roles of tenants that have assigned none."""
    table = FakeTable()
    scopes = frozenset({"metadata.read", "metadata.write", "audit.read", "identity.read", "identity.write"})
    return Roles(Documents(table, "role", Role), Documents(table, "assignment", Assignment), scopes)


class FakeTable:
    """A table in memory that remembers the events of its transactions."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[tuple[str, Event]] = []
        self.version = 0

    async def get(self, partition: str, key: str) -> Row | None:
        values = self.rows.get((partition, key))
        return None if values is None else Row(partition, key, str(values["~etag"]), _without_etag(values))

    async def commit(self, partition: str, changes: Sequence[Change], events: Sequence[Event] = ()) -> None:
        for change in changes:
            found = self.rows.get((partition, change.key))
            if isinstance(change, Insert) and found is not None:
                raise RowExists(change.key)
            wanted = getattr(change, "etag", None)
            if wanted is not None and (found is None or str(found["~etag"]) != wanted):
                raise RowChanged(change.key)
        for change in changes:
            self.version += 1
            if isinstance(change, Delete):
                self.rows.pop((partition, change.key), None)
            else:
                self.rows[partition, change.key] = {**change.values, "~etag": self.version}
        self.events += [(partition, event) for event in events]

    async def announce(self, event: Event) -> None:
        self.events.append((principal().tenant, event))

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        self.rows.pop((partition, key), None)

    async def query(
        self,
        partition: str | None = None,
        *,
        prefix: str | None = None,
        after: str | None = None,
        where: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Row]:
        assert where in (None, "expiresAt lt @now")
        found = 0
        for (pk, key), values in sorted(self.rows.items()):
            if where is not None and not (parameters and values["expiresAt"] < parameters["now"]):
                continue
            if (partition not in (None, pk)) or not key.startswith(prefix or "") or (after and key <= after):
                continue
            yield Row(pk, key, str(values["~etag"]), _without_etag(values))
            found += 1
            if found == limit:
                return


def _without_etag(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "~etag"}
