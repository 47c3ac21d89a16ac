"""The edge's route table: each manifest route with its scope, limits and retry class; deny by default."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chassis.manifest import Route, ServiceManifest
from functions.gateway.envoy.api_keys import HEADER, exchanged, has_key
from functions.gateway.envoy.browsers import cors_policy, preflights
from functions.gateway.envoy.checks import Checks, Variant
from functions.gateway.envoy.paths import path_match, specificity
from functions.gateway.envoy.rate_limits import Standings, rate_limit_metadata
from functions.gateway.envoy.resource import Resource, extension, seconds, typed
from functions.gateway.envoy.unproven import turn_off_where_known

BUFFER = "envoy.filters.http.buffer"
_NOT_TAKEN = "connect-failure,refused-stream,reset-before-request"
"""What Envoy knows that no endpoint has seen the request: it may be tried at another, whatever its method."""

_OTHERS = "envoy.retry_host_predicates.previous_hosts"
_OTHERS_TYPE = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"


class Routed(NamedTuple):
    """A route and the service it leads to."""

    service: str
    route: Route


def ordered(manifests: Iterable[ServiceManifest]) -> list[Routed]:
    """Every route of every service, the most specific path first."""
    found = [Routed(manifest.service, route) for manifest in manifests for route in manifest.routes]
    return sorted(found, key=lambda routed: (specificity(routed.route.path), routed.route.path, routed.service))


def route_scopes(
    manifests: Sequence[ServiceManifest], standings: Standings, checks: Checks, origins: Sequence[str] = ()
) -> list[Resource]:
    """One ScopedRouteConfiguration for each first path segment, with the routes of the service that owns it.

    A request is matched against its own service's routes alone, counted in that service's buckets, and a change of one
    service leaves the others' buckets as they are.
    """
    found: list[Resource] = []
    for manifest in manifests:
        segments = sorted({first_segment(route.path) for route in manifest.routes})
        for segment in segments:
            owned = [route for route in manifest.routes if first_segment(route.path) == segment]
            part = manifest.model_copy(update={"routes": tuple(owned)})
            table = _route_table(segment, part, checks, checks.host(manifest, standings), origins)
            key = {"fragments": [{"string_key": segment}]}
            found.append({"name": segment, "key": key, "route_configuration": table})
    return found


def first_segment(path: str) -> str:
    """The first segment of a path or template: what says whose it is."""
    return path.split("/", 2)[1]


def _route_table(
    name: str, manifest: ServiceManifest, checks: Checks, host: Resource, origins: Sequence[str]
) -> Resource:
    """Real routes, then 405 for their paths, then 404 for all else."""
    routes = ordered([manifest])
    table = [
        *_forwarded(routes, manifest, checks),
        *preflights(manifest.service, origins),
        *_wrong_methods(routes, checks),
        _refuse({"prefix": "/"}, 404, checks),
    ]
    turn_off_where_known(table, knows_tokens=checks.knows_tokens)
    return {
        "name": name,
        "request_headers_to_remove": list(checks.removed),
        "virtual_hosts": [
            {
                "name": name,
                "domains": ["*"],
                "routes": table,
                "typed_per_filter_config": {**host, **cors_policy(origins)},
            }
        ],
    }


def _forwarded(routes: Sequence[Routed], manifest: ServiceManifest, checks: Checks) -> Iterable[Resource]:
    """All routes' first variants, then all second ones, each of these with its own for API keys."""
    rounds = list(zip(*(checks.variants(manifest, routed.route) for routed in routes), strict=True))
    for variants in rounds:
        for routed, variant in zip(routes, variants, strict=True):
            yield _forward(routed, variant)
            if variants is rounds[-1] and not routed.route.public:
                yield _with_api_key(routed, manifest, checks)


def _with_api_key(routed: Routed, manifest: ServiceManifest, checks: Checks) -> Resource:
    """The same route for a request with an API key, which the service does not see."""
    config = {**checks.with_key(manifest, routed.route), **exchanged()}
    found = _forward(routed, Variant([has_key()], config))
    return {**found, "name": f"{found['name']} with API key", "request_headers_to_remove": [HEADER]}


def _forward(routed: Routed, variant: Variant) -> Resource:
    route = routed.route
    action: Resource = {
        "cluster": route.upstream or routed.service,
        "timeout": seconds(0 if route.websocket else route.timeout_seconds),
    }
    if route.websocket:
        action["upgrade_configs"] = [{"upgrade_type": "websocket"}]
    else:
        action["retry_policy"] = _retry_policy(idempotent=route.idempotent)
    return {
        "name": f"{routed.service} {','.join(route.methods)} {route.path}",
        "match": {**path_match(route.path), "headers": [_method_is(route.methods), *variant.when]},
        "route": action,
        "decorator": {"operation": f"{','.join(route.methods)} {route.path}", "propagate": False},
        "metadata": rate_limit_metadata(public=route.public),
        "request_headers_to_add": [_deadline(route.timeout_seconds)],
        # A key that nobody has asked for is none of the service's business either.
        "request_headers_to_remove": [HEADER] if route.public else [],
        # A buffered WebSocket would wait for an end that does not come.
        "typed_per_filter_config": {**variant.config, **({} if route.websocket else _body_limit(route.max_body_bytes))},
    }


def _deadline(timeout_s: float) -> Resource:
    # What services count down from: they stop working when the edge has stopped waiting.
    header = {"key": "x-platform-deadline-ms", "value": str(int(timeout_s * 1000))}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _retry_policy(*, idempotent: bool) -> Resource:
    again = {"retry_on": f"{_NOT_TAKEN},retriable-status-codes", "retriable_status_codes": [503]}
    return {
        **(again if idempotent else {"retry_on": _NOT_TAKEN}),
        "num_retries": 2,
        "retry_back_off": {"base_interval": "0.050s", "max_interval": "0.500s"},
        "retry_host_predicate": [extension(_OTHERS, _OTHERS_TYPE)],
        "host_selection_retry_max_attempts": 3,
    }


def _body_limit(max_bytes: int) -> Resource:
    # Envoy wants at least one byte; the service refuses that one.
    limit = {"max_request_bytes": max(1, max_bytes)}
    return {BUFFER: typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", buffer=limit)}


def _wrong_methods(routes: Sequence[Routed], checks: Checks) -> Iterable[Resource]:
    allowed: dict[str, set[str]] = {}
    for routed in routes:
        allowed.setdefault(routed.route.path, set()).update(routed.route.methods)
    for path, methods in allowed.items():
        yield _refuse(path_match(path), 405, checks, allow=", ".join(sorted(methods)))


def _refuse(match: Resource, status: int, checks: Checks, *, allow: str = "") -> Resource:
    refusal: Resource = {
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": checks.answered(),
    }
    if allow:
        refusal["response_headers_to_add"] = [{"header": {"key": "allow", "value": allow}}]
    return refusal


def _method_is(methods: Sequence[str]) -> Resource:
    if len(methods) == 1:
        return {"name": ":method", "string_match": {"exact": methods[0]}}
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(methods)}}}
