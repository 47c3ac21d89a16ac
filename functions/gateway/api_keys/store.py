"""API keys in a table: a row per key in its tenant's partition, and one by which the key's id leads there."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.messaging.events import Event
from chassis.storage.tables import Insert, Replace, Row, RowExists, Table
from functions.gateway.api_keys.models import ApiKey

TABLE = "gatewayapikeys"
CREATED, REVOKED = "gateway.api-key.created", "gateway.api-key.revoked"
_BY_ID = "by-id:"
_TENANT = "tenant:"


@dataclass(frozen=True)
class StoredApiKey:
    """A key with what only the store knows of it."""

    tenant: str
    key: ApiKey
    digest: str
    order: str
    """The fingerprint of the order that made it."""


class ApiKeyStore:
    """Keys by tenant and by id."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, stored: StoredApiKey) -> bool:
        """False when there is a key with this id, which then stays."""
        # The way to the key first: alone it leads nowhere, and nothing without it would be found.
        await self._table.upsert(_BY_ID + stored.key.id[:2], stored.key.id, {"tenant": stored.tenant})
        event = Event(CREATED, stored.key.id, {"name": stored.key.name, "scopes": list(stored.key.scopes)})
        try:
            await self._table.commit(_TENANT + stored.tenant, [Insert(stored.key.id, _values(stored))], [event])
        except RowExists:
            return False
        return True

    async def find(self, id: str) -> StoredApiKey | None:
        """The key with this id, of whatever tenant; None when there is none."""
        way = await self._table.get(_BY_ID + id[:2], id)
        return None if way is None else await self.get(way["tenant"], id)

    async def get(self, tenant: str, id: str) -> StoredApiKey | None:
        """A tenant's key; None when it has no such."""
        row = await self._table.get(_TENANT + tenant, id)
        return None if row is None else _stored(tenant, row)

    async def all(self, tenant: str) -> list[ApiKey]:
        """A tenant's keys."""
        return [_stored(tenant, row).key async for row in self._table.query(_TENANT + tenant)]

    async def revoke(self, tenant: str, id: str, now: datetime) -> bool:
        """False when the tenant has no such key; one that was revoked before stays as it is."""
        row = await self._table.get(_TENANT + tenant, id)
        if row is None:
            return False
        if row.get("revokedAt") is None:
            change = Replace(id, {**row.values, "revokedAt": now}, row.etag)
            await self._table.commit(_TENANT + tenant, [change], [Event(REVOKED, id)])
        return True


def _values(stored: StoredApiKey) -> dict[str, object]:
    key = stored.key
    return {
        "name": key.name,
        "subject": key.subject,
        "kind": key.kind,
        "scopes": json.dumps(key.scopes),
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "digest": stored.digest,
        "order": stored.order,
    }


def _stored(tenant: str, row: Row) -> StoredApiKey:
    key = ApiKey(
        id=row.key,
        name=row["name"],
        subject=row["subject"],
        kind=row["kind"],
        scopes=tuple(json.loads(row["scopes"])),
        created_at=_utc(row["createdAt"]),
        expires_at=_utc(row["expiresAt"]),
        revoked_at=_utc(row["revokedAt"]) if row.get("revokedAt") else None,
    )
    return StoredApiKey(tenant, key, row["digest"], row["order"])


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
