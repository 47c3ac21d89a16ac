"""What the gateway stores: each tenant's standing, and which Envoys of the edge are alive."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from chassis.manifest import Bucket
from chassis.storage.tables import Row, Table
from functions.gateway.envoy.rate_limits import Standing

TENANTS_TABLE, INSTANCES_TABLE = "gatewaytenants", "gatewayinstances"
_TENANTS, _INSTANCES = "tenants", "edge"


class TenantStandings:
    """The tenants whose tier or buckets somebody has set."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def all(self) -> dict[str, Standing]:
        """By tenant."""
        return {row.key: _standing(row) async for row in self._table.query(_TENANTS)}

    async def get(self, tenant: str) -> Standing | None:
        """None when nothing was set for this tenant."""
        row = await self._table.get(_TENANTS, tenant)
        return None if row is None else _standing(row)

    async def put(self, tenant: str, standing: Standing) -> None:
        """Set it in place of what was there."""
        buckets = {service: bucket.model_dump() for service, bucket in standing.buckets.items()}
        await self._table.upsert(_TENANTS, tenant, {"tier": standing.tier, "buckets": json.dumps(buckets)})

    async def remove(self, tenant: str) -> None:
        """Back to `standard`; no error when nothing was set."""
        await self._table.delete(_TENANTS, tenant)


class EdgeInstances:
    """When each Envoy last asked any replica of the gateway app."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def saw(self, ids: Mapping[str, datetime]) -> None:
        """Note when these were last seen."""
        for id, at in ids.items():
            await self._table.upsert(_INSTANCES, id, {"seen": at})

    async def alive(self, now: datetime, within: timedelta) -> set[str]:
        """Those seen since `now - within`; the rows of those gone for a day are removed."""
        alive: set[str] = set()
        async for row in self._table.query(_INSTANCES):
            age = now - _utc(row["seen"])
            if age <= within:
                alive.add(row.key)
            elif age > timedelta(days=1):
                await self._table.delete(_INSTANCES, row.key, row.etag)
        return alive


def _standing(row: Row) -> Standing:
    buckets = json.loads(row["buckets"])
    return Standing(row["tier"], {service: Bucket.model_validate(found) for service, found in buckets.items()})


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
