"""The HTTP API of API keys: a tenant's own keys, for whoever of it has the scope."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from chassis.context import Principal
from chassis.errors import Conflict, Forbidden, NotFound
from chassis.http.app import requires
from chassis.http.headers import CACHE_CONTROL, LOCATION
from chassis.http.idempotency import IdempotencyKey, check_same_request, fingerprint, resource_id
from chassis.http.openapi import also, sends
from functions.gateway.api_keys.models import ApiKey, ApiKeys, CreatedApiKey, NewApiKey
from functions.gateway.api_keys.secret import ApiKeySecret
from functions.gateway.api_keys.store import ApiKeyStore, StoredApiKey
from functions.gateway.composition import Composition

SCOPE = "gateway.keys"
MOST_OF_A_TENANT = 200
NOT_FOR_KEYS = frozenset({SCOPE, "gateway.write", "identity.keys", "identity.tenants"})
"""Those of operators identity leaves out of every API key's token."""
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
api_keys = APIRouter(prefix="/gateway/api-keys", tags=["api-keys"])


class ApiKeyNotFound(NotFound):
    """The tenant has no such key."""

    code, title = "gateway.api-key-not-found", "No such API key"


class TooManyApiKeys(Conflict):
    """The tenant has as many keys as it may."""

    code, title = "gateway.too-many-api-keys", "The tenant has too many API keys"


class NotForKeys(Forbidden):
    """A key would order keys, which would outlive its own end, or do an operator's work."""

    code, title = "gateway.not-for-api-keys", "No API key carries this scope"


class MoreThanTheCaller(Forbidden):
    """A key would carry what its orderer may not do."""

    code, title = "gateway.more-than-the-caller", "An API key carries no more than its owner's token"


@api_keys.post(
    "",
    status_code=201,
    responses=also(200, CreatedApiKey),
    openapi_extra=sends(CACHE_CONTROL | LOCATION, 200, 201),
)
async def create_api_key(
    order: NewApiKey,
    request: Request,
    response: Response,
    key: IdempotencyKey = None,
    caller: Principal = requires(SCOPE),
) -> CreatedApiKey:
    """Make a key that speaks for the caller. Its secret is in this answer and never shown again."""
    if caller.kind == "service":
        raise Forbidden("a service has a key of its own already")
    if refused := sorted(set(order.scopes) & NOT_FOR_KEYS):
        raise NotForKeys(f"only an access token carries {' '.join(refused)}")
    if lacking := sorted(set(order.scopes) - caller.scopes):
        raise MoreThanTheCaller(f"the caller's token lacks {' '.join(lacking)}")
    store = _parts(request).api_keys
    secret = ApiKeySecret.new(resource_id(caller.tenant, f"api-key {caller.subject}", key))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/gateway/api-keys/{secret.id}"
    known = await store.get(caller.tenant, secret.id)
    if known is None:
        known = await _added(store, order, secret, caller)
        if known is None:
            return _created(_made(order, secret.id, caller), secret.text)
    check_same_request(known.order, fingerprint(order.model_dump()))
    response.status_code = 200
    return _created(known.key, None)


@api_keys.get("")
async def list_api_keys(request: Request, caller: Principal = requires(SCOPE)) -> ApiKeys:
    """Every key of the tenant, without the secrets."""
    return ApiKeys(items=tuple(await _parts(request).api_keys.all(caller.tenant)))


@api_keys.get("/{id}")
async def get_api_key(id: Id, request: Request, caller: Principal = requires(SCOPE)) -> ApiKey:
    """One key of the tenant."""
    found = await _parts(request).api_keys.get(caller.tenant, id)
    if found is None:
        raise ApiKeyNotFound(f"no API key {id}")
    return found.key


@api_keys.delete("/{id}", status_code=204)
async def revoke_api_key(id: Id, request: Request, caller: Principal = requires(SCOPE)) -> Response:
    """Revoke a key; within two seconds it opens nothing any more."""
    parts = _parts(request)
    if not await parts.api_keys.revoke(caller.tenant, id, datetime.now(UTC)):
        raise ApiKeyNotFound(f"no API key {id}")
    parts.exchange.forget(id)
    return Response(status_code=204)


async def _added(store: ApiKeyStore, order: NewApiKey, secret: ApiKeySecret, caller: Principal) -> StoredApiKey | None:
    """Store the new key: None, or the key that another request with the same Idempotency-Key has made meanwhile."""
    if len(await store.all(caller.tenant)) >= MOST_OF_A_TENANT:
        raise TooManyApiKeys(f"a tenant has at most {MOST_OF_A_TENANT} API keys, revoked ones among them")
    made = _made(order, secret.id, caller)
    added = await store.add(StoredApiKey(caller.tenant, made, secret.digest, fingerprint(order.model_dump())))
    return None if added else await store.get(caller.tenant, secret.id)


def _made(order: NewApiKey, id: str, caller: Principal) -> ApiKey:
    now = datetime.now(UTC).replace(microsecond=0)
    return ApiKey(
        id=id,
        name=order.name,
        subject=caller.subject,
        kind="user" if caller.kind == "user" else "application",
        scopes=tuple(sorted(set(order.scopes))),
        created_at=now,
        expires_at=now + timedelta(days=order.expires_in_days),
    )


def _created(key: ApiKey, text: str | None) -> CreatedApiKey:
    return CreatedApiKey(**key.model_dump(by_alias=False), key=text)


def _parts(request: Request) -> Composition:
    parts: Composition = request.app.state.gateway
    return parts
