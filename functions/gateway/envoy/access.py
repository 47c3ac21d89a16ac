"""Who may pass: the token check (jwt_authn) and the scope check (RBAC), as filters and as route configuration.

What the checked token says goes on in headers. Envoy's dynamic metadata would hold the same, but a copy of all claims
for every request costs more than everything else that the edge does.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.gateway.envoy.resource import TYPE_PREFIX, Resource, extension, typed

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
USER_HEADER, TENANT_HEADER, CLIENT_HEADER = "x-platform-user", "x-platform-tenant", "x-platform-client"
"""Tell a service whom the checked token names. No proof to it: it reads the token itself."""
SCOPE_HEADER = "x-platform-scope"
"""The token's scopes, for the edge alone: taken off before the request goes on."""
CLOCK_SKEW_S = 30
_JWT_MESSAGE = "envoy.extensions.filters.http.jwt_authn.v3"
_RBAC_MESSAGE = "envoy.extensions.filters.http.rbac.v3"
_TOKEN = "platform-token"  # noqa: S105 - the name of a requirement
_SCHEMES = ("Bearer", "bearer", "BEARER")
"""A scheme's name is that in upper and lower case (RFC 9110, 11.1); Envoy compares bytes."""
_CLAIMS = {USER_HEADER: "sub", TENANT_HEADER: "tid", CLIENT_HEADER: "client_id", SCOPE_HEADER: "scope"}


class Issuer(NamedTuple):
    """Whose tokens are taken: the issuer, whom they must be for, and the keys (a JWK set) that they are signed with."""

    issuer: str
    audience: str
    keys: Mapping[str, Any]


def token_filter_place(source: Resource) -> Resource:
    """The token check's place among the listener's filters; what it checks is had from the control plane.

    The listener opens when it has it. Another configuration counts for the next request, also on connections that are
    open already.
    """
    kinds = [f"{TYPE_PREFIX}{_JWT_MESSAGE}.JwtAuthentication"]
    return {"name": JWT, "config_discovery": {"config_source": source, "type_urls": kinds}}


def token_filter(issuer: Issuer, *, expires_header: str = "", fingerprint: str = "") -> Resource:
    """Check the bearer token's signature, issuer, audience and times by the issuer's keys.

    The keys are a part of it: with other keys it is another filter, which has checked no token yet. Envoy keeps the
    tokens that it has checked until they expire, and does not look at keys for them again when it fetches keys itself.
    With a `fingerprint` of the keys a checked request bears it as the name of metadata; with an `expires_header` it
    says there when its token expires.
    """
    claims = _CLAIMS | ({expires_header: "exp"} if expires_header else {})
    provider: Resource = {
        "issuer": issuer.issuer,
        "audiences": [issuer.audience],
        "local_jwks": {"inline_string": json.dumps(issuer.keys, sort_keys=True)},
        "from_headers": [{"name": "Authorization", "value_prefix": f"{scheme} "} for scheme in _SCHEMES],
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        "claim_to_headers": [{"header_name": name, "claim_name": claim} for name, claim in claims.items()],
        "jwt_cache_config": {"jwt_cache_size": 2000},
    }
    if fingerprint:
        provider["payload_in_metadata"] = fingerprint
    return extension(
        JWT,
        f"{_JWT_MESSAGE}.JwtAuthentication",
        providers={"platform": provider},
        requirement_map={_TOKEN: {"provider_name": "platform"}},
    )


def scope_filter() -> Resource:
    """The filter itself; what it denies is said by virtual hosts (everything) and routes (all but a scope)."""
    return extension(RBAC, f"{_RBAC_MESSAGE}.RBAC")


def denied() -> Resource:
    """A virtual host's configuration of both filters: a route that does not say who may pass is passed by nobody."""
    nobody = {"rules": {"action": "ALLOW", "policies": {}}}
    return {RBAC: typed(f"{_RBAC_MESSAGE}.RBACPerRoute", rbac=nobody)}


def required(scope: str | None) -> Resource:
    """A route's configuration of both filters: a token with this scope; None is open to all."""
    if scope is None:
        return open_to_all()
    return {
        **token_required(),
        RBAC: typed(f"{_RBAC_MESSAGE}.RBACPerRoute", rbac={"rules": _only_with(scope)}),
    }


def token_required() -> Resource:
    """A route's configuration of the token check: the token must be valid."""
    return {JWT: typed(f"{_JWT_MESSAGE}.PerRouteConfig", requirement_name=_TOKEN)}


def open_to_all() -> Resource:
    """A route's configuration of both filters when it is public."""
    return {
        JWT: typed(f"{_JWT_MESSAGE}.PerRouteConfig", disabled=True),
        RBAC: typed(f"{_RBAC_MESSAGE}.RBACPerRoute"),
    }


def _only_with(scope: str) -> Resource:
    # One of the words of the header, whole: RFC 6749 section 3.3.
    words = f"(?:.* )?{re.escape(scope)}(?: .*)?"
    principal = {"header": {"name": SCOPE_HEADER, "string_match": {"safe_regex": {"regex": words}}}}
    return {
        "action": "ALLOW",
        "policies": {scope: {"permissions": [{"any": True}], "principals": [principal]}},
    }
