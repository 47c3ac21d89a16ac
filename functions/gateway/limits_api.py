"""The HTTP API of rate limits: a tenant's tier and buckets, live at the edge within seconds.

For operators: `gateway.write` is given to none of a tenant's own clients or roles. A tenant sees its own with
`gateway.read`.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from chassis.context import Principal
from chassis.errors import Forbidden
from chassis.http.app import requires
from functions.gateway.composition import Composition
from functions.gateway.envoy.rate_limits import Standing
from functions.gateway.errors import NoLimitsSet, TooManyTenants
from functions.gateway.schemas import AllTenantLimits, NamedTenantLimits, TenantLimits

OPERATE = "gateway.write"
MAX_TENANTS = 1000
"""Each one set makes the edge's configuration longer."""
Tenant = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,127}$")]
limits = APIRouter(prefix="/gateway/tenants", tags=["limits"])


@limits.get("", dependencies=[requires(OPERATE)])
async def list_limits(request: Request) -> AllTenantLimits:
    """Every tenant for which something was set."""
    found = await _parts(request).standings.all()
    items = (NamedTenantLimits(tenant=name, tier=one.tier, buckets=dict(one.buckets)) for name, one in found.items())
    return AllTenantLimits(items=tuple(items))


@limits.get("/{tenant}/limits")
async def get_limits(tenant: Tenant, request: Request, caller: Principal = requires("gateway.read")) -> TenantLimits:
    """What was set for a tenant; 404 when nothing was: it is `standard`."""
    if tenant != caller.tenant and not caller.may(OPERATE):
        raise Forbidden("another tenant's limits are for operators")
    found = await _parts(request).standings.get(tenant)
    if found is None:
        raise NoLimitsSet(f"nothing was set for {tenant}: it is standard")
    return TenantLimits(tier=found.tier, buckets=dict(found.buckets))


@limits.put("/{tenant}/limits", dependencies=[requires(OPERATE)])
async def put_limits(tenant: Tenant, sent: TenantLimits, request: Request) -> TenantLimits:
    """Set a tenant's tier, and buckets of its own, in place of what was there."""
    parts = _parts(request)
    known = await parts.standings.all()
    if tenant not in known and len(known) >= MAX_TENANTS:
        raise TooManyTenants(f"limits of {MAX_TENANTS} tenants are set; remove one first")
    await parts.standings.put(
        tenant, Standing(sent.tier, {str(service): bucket for service, bucket in sent.buckets.items()})
    )
    parts.watch.forget()
    return sent


@limits.delete("/{tenant}/limits", dependencies=[requires(OPERATE)], status_code=204)
async def delete_limits(tenant: Tenant, request: Request) -> Response:
    """Make a tenant `standard` again."""
    parts = _parts(request)
    await parts.standings.remove(tenant)
    parts.watch.forget()
    return Response(status_code=204)


def _parts(request: Request) -> Composition:
    parts: Composition = request.app.state.gateway
    return parts
