"""The tenants' clients: found by id among those of the clients file and those that tenants registered."""

import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic

from pydantic import ValidationError

from chassis.context import Principal
from chassis.http.idempotency import check_same_request, fingerprint, resource_id
from chassis.http.preconditions import Precondition, require
from chassis.messaging.events import Event
from chassis.storage.rows import RowExists
from functions.identity.client_secrets import ClientSecrets
from functions.identity.directory.documents import Documents, Stored
from functions.identity.directory.models import ClientChange, ClientOrder, RegisteredClient
from functions.identity.directory.roles import Roles
from functions.identity.errors import ClientNotFound, ClientUnusable, ETagMismatch, NoSecret, SecretShown
from functions.identity.repository import Clients, Tenants
from functions.identity.schemas import NAME, Client

FRESH_FOR_S = 2.0
"""Another replica's change of a client (disabled, a new secret) counts here after this at the latest."""
MOST_CACHED = 10_000
SECRET_BYTES = 32
Registered = Stored[RegisteredClient]


class ClientRegistry:
    """Registered clients have ids `<tenant>.<hex>`, so that an id leads to its partition and none is there twice.

    Those of a tenant that is no longer among `tenants` are not found.
    """

    def __init__(
        self,
        file: Clients,
        documents: Documents[RegisteredClient],
        hashing: ClientSecrets,
        roles: Roles,
        tenants: Tenants,
    ) -> None:
        self._file, self._documents, self._hashing, self._roles = file, documents, hashing, roles
        self._tenants = tenants
        self._cache: dict[str, tuple[float, Client]] = {}

    async def find(self, client_id: str) -> Client | None:
        """Any client, or None."""
        known = await self._file.find(client_id)
        tenant, dot, _ = client_id.rpartition(".")
        if known is not None or not dot or not NAME.fullmatch(client_id) or tenant not in self._tenants():
            return known
        cached = self._cache.get(client_id)
        if cached is not None and monotonic() - cached[0] < FRESH_FOR_S:
            return cached[1]
        read_at = monotonic()
        found = await self._documents.get(tenant, client_id)
        if found is None:
            return None
        if len(self._cache) >= MOST_CACHED:
            self._cache.clear()
        self._cache[client_id] = (read_at, found.value.client)
        return found.value.client

    async def register(self, caller: Principal, order: ClientOrder, key: str | None) -> tuple[Registered, str | None]:
        """A new client and its secret; a repeated order gives the client that the first one made, without a secret.

        Raises UnknownScope, CannotGrant, ClientUnusable, KeyReused.
        """
        self._roles.check_grant(caller, order.scopes)
        client_id = f"{caller.tenant}.{resource_id(caller.tenant, 'client', key)}"
        # The key of a client that is gone leads to its id again, and roles may still be assigned to that.
        await self._roles.check_reach(caller, client_id)
        secret = secrets.token_urlsafe(SECRET_BYTES) if order.authentication == "secret" else None
        told = order.model_dump(mode="json", by_alias=True)
        stored = RegisteredClient(
            client=_client(
                client_id, caller.tenant, order, secret_hash=await self._hashing.hashed(secret) if secret else None
            ),
            name=order.name,
            created_at=datetime.now(UTC),
            created_by=caller.subject,
            fingerprint=fingerprint({name: _unordered(value) for name, value in told.items()}),
        )
        event = Event("identity.client.registered", client_id, {"scopes": sorted(order.scopes)})
        try:
            return await self._documents.insert(caller.tenant, client_id, stored, event), secret
        except RowExists:
            found = await self.get(caller.tenant, client_id)
            check_same_request(found.value.fingerprint, stored.fingerprint)
            return found, None

    async def get(self, tenant: str, client_id: str) -> Registered:
        """A client of the tenant. Raises ClientNotFound, also for one of the clients file."""
        found = await self._documents.get(tenant, client_id)
        if found is None:
            raise ClientNotFound("the tenant has registered no such client")
        return found

    def page(self, tenant: str, after: str | None, limit: int) -> AsyncIterator[Registered]:
        """The tenant's clients in order of ids."""
        return self._documents.scan(tenant, after, limit)

    async def change(
        self, caller: Principal, client_id: str, change: ClientChange, condition: Precondition | None
    ) -> Registered:
        """A client as given. Raises ClientNotFound, UnknownScope, CannotGrant, ClientUnusable, ETagMismatch."""
        old = await self.get(caller.tenant, client_id)
        require(condition, old.etag, ETagMismatch)
        present = old.value.client
        self._roles.check_grant(caller, change.scopes - present.scopes)
        client = _client(client_id, caller.tenant, change, **_kept(present, change))
        if _way_in(client) != _way_in(present):
            await self._roles.check_reach(caller, client_id, present.scopes)
        event = Event("identity.client.changed", client_id, {"scopes": sorted(change.scopes)})
        return await self._replace(caller.tenant, old, {"client": client, "name": change.name}, event)

    async def enable(self, caller: Principal, client_id: str, enabled: bool) -> Registered:
        """Let a client sign in, or not any more. May be repeated. Raises ClientNotFound."""
        old = await self.get(caller.tenant, client_id)
        if old.value.client.disabled != enabled:
            return old
        client = old.value.client.model_copy(update={"disabled": not enabled})
        event = Event(f"identity.client.{'enabled' if enabled else 'disabled'}", client_id)
        return await self._replace(caller.tenant, old, {"client": client}, event)

    async def rotate_secret(
        self, caller: Principal, client_id: str, overlap: timedelta, key: str | None
    ) -> tuple[str, datetime | None]:
        """A new secret, and until when the former one is good.

        Raises ClientNotFound, CannotGrant, NoSecret, SecretShown.
        """
        old = await self.get(caller.tenant, client_id)
        present = old.value.client
        if present.secret_hash is None:
            raise NoSecret("this client proves itself without a secret")
        await self._roles.check_reach(caller, client_id, present.scopes)
        order = fingerprint(key) if key else None
        if order is not None and order == old.value.secret_order:
            raise SecretShown("this request has made a secret already; order another with a new key")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        ends_at = datetime.now(UTC) + overlap if overlap else None
        update = {
            "secret_hash": await self._hashing.hashed(secret),
            "former_secret_hash": present.secret_hash if ends_at else None,
            "former_secret_ends_at": ends_at,
        }
        event = Event("identity.client.secret-rotated", client_id, {"overlapSeconds": int(overlap.total_seconds())})
        change = {"client": present.model_copy(update=update), "secret_order": order}
        await self._replace(caller.tenant, old, change, event)
        return secret, ends_at

    async def delete(self, caller: Principal, client_id: str, condition: Precondition | None) -> None:
        """Remove a client; its tokens end within minutes. Raises ClientNotFound, ETagMismatch."""
        old = await self.get(caller.tenant, client_id)
        require(condition, old.etag, ETagMismatch)
        await self._documents.delete(caller.tenant, old, Event("identity.client.deleted", client_id))
        self._cache.pop(client_id, None)

    async def _replace(self, tenant: str, old: Registered, update: Mapping[str, object], event: Event) -> Registered:
        stored = await self._documents.replace(tenant, old, old.value.model_copy(update=update), event)
        self._cache.pop(old.id, None)
        return stored


def _unordered(value: object) -> object:
    """A list in an order of its own: scopes, grants and credentials are sets."""
    return sorted(value, key=str) if isinstance(value, list) else value


def _client(client_id: str, tenant: str, change: ClientChange, **proof: object) -> Client:
    if isinstance(change, ClientOrder):
        proof["public"] = change.authentication == "public"
    try:
        return Client.model_validate(
            {
                "client_id": client_id,
                "tenant": tenant,
                "kind": "application",
                "scopes": change.scopes,
                "grants": change.grants,
                "redirect_uris": change.redirect_uris,
                "federated": change.federated,
                "jwk": change.jwk,
                **proof,
            }
        )
    except ValidationError as error:
        raise ClientUnusable("; ".join(str(mistake["msg"]) for mistake in error.errors(include_input=False))) from None


def _way_in(client: Client) -> tuple[object, ...]:
    """What decides who gets the client's tokens, and those of its users."""
    return client.jwk, client.federated, client.redirect_uris


def _kept(present: Client, change: ClientChange) -> dict[str, object]:
    names = {"secret_hash", "former_secret_hash", "former_secret_ends_at", "public", "disabled"}
    return {**present.model_dump(include=names), "jwk": change.jwk or present.jwk}
