"""The operators' API of the tenants: who administers them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from chassis.context import Principal
from chassis.http.openapi import also
from functions.identity.directory.administrators import Administrators
from functions.identity.directory.models import AdministratorPage, AssignedTo, Assignment, PrincipalType
from functions.identity.operators import requires_operator
from functions.identity.schemas import Name

SCOPE = "identity.tenants"
Tenant = Annotated[Name, Path()]
router = APIRouter(prefix="/identity/tenants/{tenant}/administrators", tags=["tenants"])


def _who(type: PrincipalType, id: Annotated[str, Path(pattern=r"^[A-Za-z0-9._\-]{1,256}$")]) -> AssignedTo:
    return AssignedTo(type=type, id=id)


Who = Annotated[AssignedTo, Depends(_who)]


@router.get("")
async def list_administrators(
    tenant: Tenant, request: Request, operator: Principal = requires_operator(SCOPE)
) -> AdministratorPage:
    """Who holds the role `administrator` in the tenant."""
    return AdministratorPage(items=await _administrators(request).of(tenant))


@router.put("/{type}/{id}", responses=also(201, Assignment))
async def appoint_administrator(
    tenant: Tenant, who: Who, request: Request, response: Response, operator: Principal = requires_operator(SCOPE)
) -> Assignment:
    """Make a user, group, application or app role an administrator: 201, or 200 where it is one already."""
    assignment, is_new = await _administrators(request).appoint(operator, tenant, who)
    response.status_code = 201 if is_new else 200
    return assignment


@router.delete("/{type}/{id}", status_code=204)
async def dismiss_administrator(
    tenant: Tenant, who: Who, request: Request, operator: Principal = requires_operator(SCOPE)
) -> None:
    """Take the role away; tokens that carry it end within minutes."""
    await _administrators(request).dismiss(operator, tenant, who)


def _administrators(request: Request) -> Administrators:
    found: Administrators = request.app.state.identity.administrators
    return found
