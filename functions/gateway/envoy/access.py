"""Who may pass: the token check (jwt_authn) and the scope check (RBAC), as filters and as route configuration."""

from chassis.auth.key_times import KEYS_FRESH_FOR_S
from functions.gateway.envoy.resource import Resource, extension, typed

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
CLAIMS = "claims"
"""The key of jwt_authn's dynamic metadata under which the checked claims are found."""
USER_HEADER, TENANT_HEADER = "x-platform-user", "x-platform-tenant"
"""Tell a service whom the checked token names. No proof to it: it reads the token itself."""
CLOCK_SKEW_S = 30
_JWT_MESSAGE = "envoy.extensions.filters.http.jwt_authn.v3"
_RBAC_MESSAGE = "envoy.extensions.filters.http.rbac.v3"
_TOKEN = "platform-token"  # noqa: S105 - the name of a requirement


def token_filter(*, issuer: str, audience: str, jwks_uri: str, identity_cluster: str) -> Resource:
    """Check the bearer token's signature, issuer, audience and times against identity's keys, fetched ahead."""
    provider = {
        "issuer": issuer,
        "audiences": [audience],
        "remote_jwks": {
            "http_uri": {"uri": jwks_uri, "cluster": identity_cluster, "timeout": "2s"},
            "cache_duration": f"{KEYS_FRESH_FOR_S}s",
            "async_fetch": {"failed_refetch_duration": "1s"},
            "retry_policy": {"num_retries": 3},
        },
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        "payload_in_metadata": CLAIMS,
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
        "claim_to_headers": [
            {"header_name": USER_HEADER, "claim_name": "sub"},
            {"header_name": TENANT_HEADER, "claim_name": "tid"},
        ],
        "jwt_cache_config": {"jwt_cache_size": 2000},
    }
    return extension(
        JWT,
        f"{_JWT_MESSAGE}.JwtAuthentication",
        providers={"platform": provider},
        requirement_map={_TOKEN: {"provider_name": "platform"}},
    )


def scope_filter() -> Resource:
    """Deny every request whose route does not say who may pass."""
    return extension(RBAC, f"{_RBAC_MESSAGE}.RBAC", rules={"action": "ALLOW", "policies": {}})


def required(scope: str | None) -> Resource:
    """A route's configuration of both filters: a token with this scope; None is open to all."""
    if scope is None:
        return open_to_all()
    return {
        JWT: typed(f"{_JWT_MESSAGE}.PerRouteConfig", requirement_name=_TOKEN),
        RBAC: typed(f"{_RBAC_MESSAGE}.RBACPerRoute", rbac={"rules": _only_with(scope)}),
    }


def open_to_all() -> Resource:
    """A route's configuration of both filters when it is public."""
    return {
        JWT: typed(f"{_JWT_MESSAGE}.PerRouteConfig", disabled=True),
        RBAC: typed(f"{_RBAC_MESSAGE}.RBACPerRoute"),
    }


def _only_with(scope: str) -> Resource:
    holds_scope = {
        "filter": JWT,
        "path": [{"key": CLAIMS}, {"key": "scope"}],
        "value": {"list_match": {"one_of": {"string_match": {"exact": scope}}}},
    }
    principal = {"sourced_metadata": {"metadata_matcher": holds_scope, "metadata_source": "DYNAMIC"}}
    return {
        "action": "ALLOW",
        "policies": {scope: {"permissions": [{"any": True}], "principals": [principal]}},
    }
