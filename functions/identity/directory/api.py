"""The admin API of a tenant: roles, assignments and clients."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.created import created
from chassis.http.headers import CACHE_CONTROL, ETAG, LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import also, sends
from chassis.http.preconditions import Condition
from functions.identity.directory.clients import ClientRegistry, Registered
from functions.identity.directory.models import (
    Assignment,
    AssignmentOrder,
    AssignmentPage,
    ClientChange,
    ClientOrder,
    ClientPage,
    ClientView,
    NewClient,
    NewSecret,
    Role,
    RoleChange,
    RoleName,
    RolePage,
    SecretOrder,
)
from functions.identity.directory.paging import After, Limit, id_of, token_of
from functions.identity.directory.roles import Roles

READ, WRITE = "identity.read", "identity.write"
Id = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._\-]+$")]
Named = Annotated[RoleName, Path()]
NO_STORE = "no-store"

roles = APIRouter(prefix="/identity/roles", tags=["roles"])
assignments = APIRouter(prefix="/identity/assignments", tags=["assignments"])
clients = APIRouter(prefix="/identity/clients", tags=["clients"])


@roles.get("")
async def list_roles(request: Request, caller: Principal = requires(READ)) -> RolePage:
    """The built-in roles and the tenant's own."""
    return RolePage(items=await _roles(request).all_roles(caller.tenant))


@roles.get("/{name}", openapi_extra=sends(ETAG, 200))
async def get_role(name: Named, request: Request, response: Response, caller: Principal = requires(READ)) -> Role:
    """One role."""
    found = await _roles(request).get(caller.tenant, name)
    response.headers["ETag"] = found.etag
    return found.value


@roles.put("/{name}", responses=also(201, Role, LOCATION), openapi_extra=sends(ETAG, 200, 201))
async def put_role(
    name: Named,
    change: RoleChange,
    request: Request,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> Role:
    """Make a role (201) or change it (200). Its scopes are among the caller's own."""
    stored, is_new = await _roles(request).put(caller, name, change, condition)
    if is_new:
        created(response, f"/identity/roles/{name}")
    response.headers["ETag"] = stored.etag
    return stored.value


@roles.delete("/{name}", status_code=204)
async def delete_role(name: Named, request: Request, condition: Condition, caller: Principal = requires(WRITE)) -> None:
    """Remove a role that nobody holds."""
    await _roles(request).delete(caller, name, condition)


@assignments.get("")
async def list_assignments(
    request: Request, after: After = None, limit: Limit = 100, caller: Principal = requires(READ)
) -> AssignmentPage:
    """Who holds which role."""
    items = await _roles(request).assignments(caller.tenant, id_of(after), limit)
    return AssignmentPage(items=items, next=token_of(items[-1].id) if len(items) == limit else None)


@assignments.post("", status_code=201, responses=also(200, Assignment), openapi_extra=sends(ETAG | LOCATION, 200, 201))
async def assign_role(
    order: AssignmentOrder,
    request: Request,
    response: Response,
    key: IdempotencyKey = None,
    caller: Principal = requires(WRITE),
) -> Assignment:
    """Give a role to a user, a group, an application or an app role: 201, or 200 where it is so already."""
    stored, is_new = await _roles(request).assign(caller, order)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/identity/assignments/{stored.id}"
    response.headers["ETag"] = stored.etag
    return stored.value


@assignments.get("/{id}", openapi_extra=sends(ETAG, 200))
async def get_assignment(
    id: Id, request: Request, response: Response, caller: Principal = requires(READ)
) -> Assignment:
    """One assignment."""
    found = await _roles(request).assignment(caller.tenant, id)
    response.headers["ETag"] = found.etag
    return found.value


@assignments.delete("/{id}", status_code=204)
async def unassign_role(id: Id, request: Request, condition: Condition, caller: Principal = requires(WRITE)) -> None:
    """Take a role away; tokens that carry it end within minutes."""
    await _roles(request).unassign(caller, id, condition)


@clients.get("")
async def list_clients(
    request: Request, after: After = None, limit: Limit = 100, caller: Principal = requires(READ)
) -> ClientPage:
    """The clients that the tenant has registered."""
    items = [_view(stored) async for stored in _clients(request).page(caller.tenant, id_of(after), limit)]
    return ClientPage(items=items, next=token_of(items[-1].client_id) if len(items) == limit else None)


@clients.post(
    "",
    status_code=201,
    responses=also(200, NewClient),
    openapi_extra=sends(CACHE_CONTROL | ETAG | LOCATION, 200, 201),
)
async def register_client(
    order: ClientOrder,
    request: Request,
    response: Response,
    key: IdempotencyKey = None,
    caller: Principal = requires(WRITE),
) -> NewClient:
    """A new client: 201 with its secret, which is shown once; the same order again: 200 without it."""
    stored, secret = await _clients(request).register(caller, order, key)
    response.status_code = 200 if secret is None and order.authentication == "secret" else 201
    response.headers["Location"] = f"/identity/clients/{stored.id}"
    response.headers["ETag"] = stored.etag
    response.headers["Cache-Control"] = NO_STORE
    return NewClient(**_shown(stored), client_secret=secret)


@clients.get("/{id}", openapi_extra=sends(ETAG, 200))
async def get_client(id: Id, request: Request, response: Response, caller: Principal = requires(READ)) -> ClientView:
    """One client."""
    return _answered(await _clients(request).get(caller.tenant, id), response)


@clients.put("/{id}", openapi_extra=sends(ETAG, 200))
async def change_client(
    id: Id,
    change: ClientChange,
    request: Request,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> ClientView:
    """Change what a client may do and where it may be sent back to."""
    return _answered(await _clients(request).change(caller, id, change, condition), response)


@clients.delete("/{id}", status_code=204)
async def delete_client(id: Id, request: Request, condition: Condition, caller: Principal = requires(WRITE)) -> None:
    """Remove a client."""
    await _clients(request).delete(caller, id, condition)


@clients.post("/{id}/secret", openapi_extra=sends(CACHE_CONTROL, 200))
async def rotate_secret(
    id: Id,
    request: Request,
    response: Response,
    order: SecretOrder | None = None,
    key: IdempotencyKey = None,
    caller: Principal = requires(WRITE),
) -> NewSecret:
    """A new secret, shown once; the former one is good for `overlapSeconds` more."""
    overlap = timedelta(seconds=(order or SecretOrder()).overlap_seconds)
    secret, ends_at = await _clients(request).rotate_secret(caller, id, overlap, key)
    response.headers["Cache-Control"] = NO_STORE
    return NewSecret(client_id=id, client_secret=secret, former_secret_ends_at=ends_at)


@clients.post("/{id}/disable", openapi_extra=sends(ETAG, 200))
async def disable_client(
    id: Id, request: Request, response: Response, caller: Principal = requires(WRITE)
) -> ClientView:
    """The client gets no more tokens; those it has end within minutes."""
    return _answered(await _clients(request).enable(caller, id, False), response)


@clients.post("/{id}/enable", openapi_extra=sends(ETAG, 200))
async def enable_client(
    id: Id, request: Request, response: Response, caller: Principal = requires(WRITE)
) -> ClientView:
    """The client gets tokens again."""
    return _answered(await _clients(request).enable(caller, id, True), response)


def _roles(request: Request) -> Roles:
    found: Roles = request.app.state.identity.roles
    return found


def _clients(request: Request) -> ClientRegistry:
    found: ClientRegistry = request.app.state.identity.registry
    return found


def _answered(stored: Registered, response: Response) -> ClientView:
    response.headers["ETag"] = stored.etag
    return _view(stored)


def _view(stored: Registered) -> ClientView:
    return ClientView(**_shown(stored))


def _shown(stored: Registered) -> dict[str, Any]:
    client = stored.value.client
    proofs = [("secret", client.secret_hash), ("key", client.jwk), ("federated", client.federated or None)]
    return {
        "client_id": client.client_id,
        "name": stored.value.name,
        "scopes": sorted(client.scopes),
        "grants": sorted(client.grants),
        "authentication": next((name for name, proof in proofs if proof is not None), "public"),
        "redirect_uris": client.redirect_uris,
        "federated": client.federated,
        "disabled": client.disabled,
        "created_at": stored.value.created_at,
        "created_by": stored.value.created_by,
    }
