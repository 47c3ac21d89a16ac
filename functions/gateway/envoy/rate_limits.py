"""Token buckets at the edge: one per service and client, kept by each Envoy instance for itself."""

from collections.abc import Iterable

from chassis.manifest import RateLimit, ServiceManifest
from functions.gateway.envoy import access
from functions.gateway.envoy.resource import Resource, always, extension, typed

FILTER = "envoy.filters.http.local_ratelimit"
UNROUTED = RateLimit(requests_per_second=500, burst=1000)
"""All clients together on paths that no service routes."""
MAX_CLIENTS = 20_000
"""Buckets kept at once for each service; the least recently used one goes first."""
_MESSAGE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_ROUTE = "platform"


def rate_limit_filter() -> Resource:
    """The filter itself, idle until a virtual host gives it buckets."""
    return extension(FILTER, _MESSAGE, stat_prefix="edge_rate_limit")


def rate_limit_buckets(manifests: Iterable[ServiceManifest]) -> Resource:
    """The virtual host's buckets. Each new client gets a bucket of its own for each service it calls."""
    return typed(
        _MESSAGE,
        stat_prefix="edge_rate_limit",
        token_bucket=_bucket(UNROUTED),
        always_consume_default_token_bucket=False,
        filter_enabled=always(),
        filter_enforced=always(),
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        response_headers_to_add=[
            {"header": {"key": "retry-after", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        rate_limits=[
            {"actions": [_service_of_route("service"), _client_of_token()]},
            {"actions": [_service_of_route("public"), {"remote_address": {}}]},
        ],
        descriptors=[item for manifest in manifests for item in _descriptors(manifest)],
        max_dynamic_descriptors=MAX_CLIENTS,
    )


def rate_limit_metadata(service: str, *, public: bool) -> Resource:
    """A route's metadata by which its bucket is found: by client of the token, or without one by address."""
    return {"filter_metadata": {_ROUTE: {"public" if public else "service": service}}}


def _service_of_route(key: str) -> Resource:
    # No such key on the route: no descriptor from this list of actions.
    path = [{"key": key}]
    found = {
        "descriptor_key": "service",
        "metadata_key": {"key": _ROUTE, "path": path},
        "source": "ROUTE_ENTRY",
    }
    return {"metadata": found}


def _client_of_token() -> Resource:
    path = [{"key": access.CLAIMS}, {"key": "client_id"}]
    return {
        "metadata": {
            "descriptor_key": "client",
            "metadata_key": {"key": access.JWT, "path": path},
            "source": "DYNAMIC",
            # A token without the claim shares one bucket with all such tokens.
            "default_value": "unnamed",
        }
    }


def _descriptors(manifest: ServiceManifest) -> list[Resource]:
    return [
        {
            "entries": [{"key": "service", "value": manifest.service}, {"key": client}],
            "token_bucket": _bucket(manifest.rate_limit),
        }
        for client in ("client", "remote_address")
    ]


def _bucket(limit: RateLimit) -> Resource:
    return {
        "max_tokens": max(limit.burst, limit.requests_per_second),
        "tokens_per_fill": limit.requests_per_second,
        "fill_interval": "1s",
    }
