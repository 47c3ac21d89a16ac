"""Identity's HTTP API: the OAuth endpoints (form-encoded, as the RFCs say), keys and discovery."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from chassis.auth.key_times import KEYS_FRESH_FOR_S
from chassis.http.app import create_app
from chassis.http.headers import CACHE_CONTROL
from chassis.http.openapi import sends, sometimes
from chassis.runtime import Runtime
from functions.identity.composition import Identity
from functions.identity.directory.api import assignments, clients, roles
from functions.identity.directory.tenants import router as tenants
from functions.identity.errors import InvalidClient, LockedOut, OAuthError
from functions.identity.forms import FORM, Form, caller_address, read_form
from functions.identity.keys.api import router as keys
from functions.identity.login.api import router as login
from functions.identity.schemas import ErrorResponse, Introspection, ServerMetadata, TokenResponse

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
KEYS_FRESH_FOR = {"Cache-Control": f"public, max-age={KEYS_FRESH_FOR_S}"}


class OAuthRoute(APIRoute):
    """A route whose refusals have the body of RFC 6749 section 5.2 and are never stored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with OAuth errors answered in their own form."""
        handle = super().get_route_handler()

        async def handle_oauth(request: Request) -> Response:
            try:
                response = await handle(request)
            except OAuthError as error:
                response = _refusal(error)
            response.headers.update(NO_STORE)
            return response

        return handle_oauth


_REFUSAL = {"model": ErrorResponse, "headers": sometimes(CACHE_CONTROL)}
oauth = APIRouter(
    prefix="/identity/oauth2",
    tags=["oauth2"],
    route_class=OAuthRoute,
    responses={200: {"headers": CACHE_CONTROL}, 400: _REFUSAL, 401: _REFUSAL, 429: _REFUSAL},
)
published = APIRouter(tags=["discovery"])


def identity_app(runtime: Runtime) -> FastAPI:
    """The identity service's HTTP application."""
    identity = Identity(runtime)
    checks = {
        "storage": runtime.check_storage,
        "keys": identity.check_keys,
        "clients": identity.check_clients,
    }
    app = create_app(
        runtime,
        oauth,
        published,
        roles,
        assignments,
        clients,
        tenants,
        keys,
        login,
        checks=checks,
        untraced=("/identity/.well-known/", "/.well-known/"),
    )
    app.state.identity = identity
    return app


def _form_of(*fields: str, required: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in fields}
    schema = {"type": "object", "properties": properties, "required": [required]}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


_CREDENTIALS = ("client_id", "client_secret", "client_assertion_type", "client_assertion")
_EXCHANGE = ("subject_token", "subject_token_type", "requested_token_type", "audience")
_USER = ("code", "redirect_uri", "code_verifier", "refresh_token")


@oauth.post(
    "/token",
    response_model=TokenResponse,
    response_model_exclude_none=True,
    openapi_extra=_form_of("grant_type", "scope", *_EXCHANGE, *_USER, *_CREDENTIALS, required="grant_type"),
)
async def issue_token(request: Request) -> TokenResponse:
    """A token, by any of the grants that the discovery document names."""
    form, service = await _form(request), await _identity(request).ready_service()
    return await service.issue(form, _authorization(request), caller_address(request.headers))


@oauth.post(
    "/introspect",
    response_model=Introspection,
    response_model_exclude_none=True,
    openapi_extra=_form_of("token", "token_type_hint", *_CREDENTIALS, required="token"),
)
async def introspect_token(request: Request) -> Introspection:
    """Whether a token is good, and what it says (RFC 7662)."""
    form, service = await _form(request), await _identity(request).ready_service()
    return await service.introspect(form, _authorization(request), caller_address(request.headers))


@oauth.post(
    "/revoke",
    status_code=200,
    response_class=Response,
    openapi_extra=_form_of("token", "token_type_hint", *_CREDENTIALS, required="token"),
)
async def revoke_token(request: Request) -> Response:
    """Revoke one of the caller's own tokens (RFC 7009); until it expires, only introspection knows of it."""
    form, service = await _form(request), await _identity(request).ready_service()
    await service.revoke(form, _authorization(request), caller_address(request.headers))
    return Response(status_code=200)


@published.get("/identity/.well-known/jwks.json", openapi_extra=sends(CACHE_CONTROL, 200))
async def published_keys(request: Request) -> JSONResponse:
    """The public keys by which tokens are checked."""
    found = await _identity(request).keys()
    return JSONResponse(found.jwks(), headers=KEYS_FRESH_FOR)


@published.get("/identity/.well-known/openid-configuration", name="openid_configuration")
@published.get("/identity/.well-known/oauth-authorization-server", name="server_metadata_below")
@published.get("/.well-known/oauth-authorization-server/identity", name="server_metadata")
async def discovery(request: Request) -> ServerMetadata:
    """Where everything is and what is supported (RFC 8414, OpenID Connect Discovery)."""
    return _identity(request).server_metadata()


def _identity(request: Request) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


async def _form(request: Request) -> Form:
    return read_form(request.headers.get("content-type"), await request.body())


def _authorization(request: Request) -> str | None:
    sent = request.headers.getlist("authorization")
    if len(sent) > 1:
        raise OAuthError("send one Authorization header")
    return sent[0] if sent else None


def _refusal(error: OAuthError) -> JSONResponse:
    body = ErrorResponse(error=error.oauth_error, error_description=error.detail)
    headers = {"WWW-Authenticate": 'Basic realm="identity"'} if isinstance(error, InvalidClient) else {}
    if isinstance(error, LockedOut):
        headers = {"Retry-After": str(error.retry_after_s)}
    return JSONResponse(body.model_dump(), error.status, headers=headers)
