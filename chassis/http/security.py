"""Who may call: the token of a request, its scope, and whom a service speaks for."""

from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from fastapi import Request, Security
from fastapi.security import OAuth2, SecurityScopes
from opentelemetry import trace

from chassis.context import CallContext, Principal, set_current
from chassis.errors import InvalidInput, ScopeMissing, TokenMissing, Unauthorized

if TYPE_CHECKING:
    from chassis.runtime import Runtime

_scheme = OAuth2(
    flows=cast(Any, {"clientCredentials": {"tokenUrl": "/identity/oauth2/token", "scopes": {}}}),
    scheme_name="platform",
    auto_error=False,
)


def requires(scope: str) -> Any:
    """A FastAPI dependency that gives the Principal, or answers 401 or 403.

    It also sets the call context (tenant, correlation, deadline) for all that the request does.
    """
    return Security(_authenticated, scopes=[scope])


async def _authenticated(request: Request, needed: SecurityScopes, _: Any = Security(_scheme)) -> Principal:
    runtime: Runtime = request.app.state.runtime
    _require_one_idempotency_key(request)
    principal = await runtime.verifier.verify(_bearer_token(request))
    for scope in needed.scopes:
        if not principal.may(scope):
            raise ScopeMissing(scope)
    trusted = principal.kind == "service"
    if trusted:
        principal = _on_behalf_of(principal, request)
    correlation = request.headers.get("x-platform-correlation") if trusted else None
    set_current(CallContext(principal, correlation, _deadline(request)))
    span = trace.get_current_span()
    span.set_attribute("platform.tenant", principal.tenant)
    span.set_attribute("enduser.id", principal.subject)
    if correlation:
        span.set_attribute("platform.correlation_id", correlation)
    return principal


def _require_one_idempotency_key(request: Request) -> None:
    # Two keys are another request to whoever reads the first than to whoever reads the last; hosts join them by comma.
    sent = request.headers.getlist("idempotency-key")
    if len(sent) > 1 or "," in "".join(sent):
        raise InvalidInput("send one Idempotency-Key, without a comma in it")


def _bearer_token(request: Request) -> str:
    sent = request.headers.getlist("authorization")
    if len(sent) > 1:
        raise Unauthorized("send one Authorization header with a bearer token")
    scheme, _, token = (sent or [""])[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing("send the access token as: Authorization: Bearer <token>")
    return token.strip()


def _on_behalf_of(service: Principal, request: Request) -> Principal:
    tenant = request.headers.get("x-platform-tenant")
    if not tenant:
        return service
    return Principal(
        subject=request.headers.get("x-platform-subject") or service.subject,
        tenant=tenant,
        scopes=service.scopes,
        kind=service.kind,
        client_id=service.client_id,
    )


def _deadline(request: Request) -> float | None:
    sent = request.headers.get("x-platform-deadline-ms")
    if sent is None:
        return None
    if not sent.isdigit() or len(sent) > 9:
        raise InvalidInput("x-platform-deadline-ms is a number of milliseconds")
    return monotonic() + int(sent) / 1000
