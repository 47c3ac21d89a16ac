"""Gateway's contracts."""

from pydantic import Field

from chassis.manifest import Bucket, Method, RateLimit, ServiceName, Tier
from chassis.models import Contract


class EdgeRoute(Contract):
    """One route as the edge enforces it; `scope` is null where no token is needed."""

    service: str
    path: str
    methods: tuple[Method, ...]
    scope: str | None
    timeout_seconds: float
    max_body_bytes: int
    idempotent: bool
    rate_limit: RateLimit


class RefusedManifest(Contract):
    """A service.yaml that is not used; the service's last good routes stay. `line` is its first mistake's, from 1."""

    service: str
    file: str
    line: int
    reason: str


class EdgeRoutes(Contract):
    """All that is routed, in the order in which the edge tries it, and what was refused."""

    items: tuple[EdgeRoute, ...]
    refused: tuple[RefusedManifest, ...]


class TenantLimits(Contract):
    """A tenant's tier, and buckets of its own for single services in place of the tier's.

    A client of the tenant still gets the part of the tier's bucket that `service.yaml` gives it.
    """

    tier: Tier = "standard"
    buckets: dict[ServiceName, Bucket] = Field(default_factory=dict)


class NamedTenantLimits(TenantLimits):
    """The same, with the tenant's name."""

    tenant: str


class AllTenantLimits(Contract):
    """Every tenant for which something was set; all others are `standard`."""

    items: tuple[NamedTenantLimits, ...]
