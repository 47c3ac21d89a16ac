"""Token buckets at the edge: for each service one per tenant and one per client, sized by the tenant's tier.

All Envoys of the edge share them out: a bucket of N instances gives each a part of 1/N (`LOCAL_CLUSTER`).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from chassis.manifest import TIERS, Bucket, RateLimit, ServiceManifest, Tier
from functions.gateway.envoy import access
from functions.gateway.envoy.resource import Resource, always, extension, set_header, typed

FILTER = "envoy.filters.http.local_ratelimit"
LOCAL_CLUSTER = "edge-instances"
"""The cluster whose members are the edge's own instances; Envoy divides by their number."""
UNROUTED = Bucket(requests_per_second=500, burst=1000)
"""All clients together on paths of no service."""
MAX_BUCKETS = 20_000
"""Buckets kept at once of each kind and service; the least recently used one goes first."""
HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
"""What Envoy's filter says of the bucket that a request was counted in."""
_MESSAGE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_ZERO = "x-platform-zero"
_ROUTE = "platform"
_PUBLIC = "public"
_OWN, _NO = "own", "no"


@dataclass(frozen=True)
class Standing:
    """What is known of one tenant: its tier, and buckets of its own (by service) in place of the tier's."""

    tier: Tier = "standard"
    buckets: Mapping[str, Bucket] = field(default_factory=dict)


Standings = Mapping[str, Standing]
"""By tenant; one that is not in it is `standard`."""


def most_tokens(bucket: Bucket) -> int:
    """What a bucket holds when it is full: a burst below the rate does not lower the rate."""
    return max(bucket.burst, bucket.requests_per_second)


def rate_limit_filter() -> Resource:
    """The filter itself, with one bucket for all requests that reach no virtual host."""
    return extension(FILTER, _MESSAGE, **_settings(), token_bucket=token_bucket(UNROUTED))


def rate_limit_buckets(manifest: ServiceManifest, standings: Standings) -> Resource:
    """A service's buckets. A tenant, a client or an address gets its own when it first comes."""
    limit = manifest.rate_limit
    tiers = _tenants_by_tier(standings)
    used: list[Tier] = [tier for tier in TIERS if tier == "standard" or tier in tiers]
    own = _with_own_bucket(manifest.service, standings)
    return typed(
        _MESSAGE,
        **_settings(),
        token_bucket=token_bucket(UNROUTED),
        rate_limits=[
            *(entry for tier in used for entry in _counted(tier, tiers, own)),
            *_counted_apart(own),
            {"actions": [_public_route(), {"remote_address": {}}]},
        ],
        descriptors=[
            *(one for tier in used for one in _of_tier(tier, limit, own)),
            _descriptor(limit.of("standard"), public=_PUBLIC, remote_address=""),
            *(one for tenant in own for one in _own_buckets(tenant, standings[tenant].tier, own[tenant], limit)),
        ],
        max_dynamic_descriptors=MAX_BUCKETS,
    )


def standard_fields() -> list[Resource]:
    """Response mutations: what Envoy says in headers of its own, in the fields of draft-ietf-httpapi-ratelimit-headers.

    `q` is the size of the bucket, `r` what is left, `t` the seconds until there is more. All are zero on an answer that
    came before anything was counted (400, 401): Envoy has no other way to write a number in place of a missing header.
    """
    limit, remaining, reset = (f"%RESP({name}?{_ZERO})%" for name in HEADERS)
    return [
        set_header(_ZERO, "0"),
        set_header("ratelimit", f'"default";r={remaining};t={reset}'),
        set_header("ratelimit-policy", f'"default";q={limit}'),
        {"remove": _ZERO},
    ]


def rate_limit_metadata(*, public: bool) -> Resource:
    """A route's metadata by which its bucket is found: by tenant and client of the token, or by address."""
    return {"filter_metadata": {_ROUTE: {_PUBLIC: _PUBLIC}}} if public else {}


def _settings() -> Resource:
    return {
        "stat_prefix": "edge_rate_limit",
        "always_consume_default_token_bucket": False,
        "filter_enabled": always(),
        "filter_enforced": always(),
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        "local_cluster_rate_limit": {},
        "response_headers_to_add": [
            {"header": {"key": "retry-after", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
    }


def _counted(tier: Tier, tiers: Mapping[Tier, list[str]], own: Collection[str]) -> Iterable[Resource]:
    """Count in the tenant's and in the client's bucket; a request is refused by the first that is empty."""
    tenant = _header("tenant", access.TENANT_HEADER)
    yield {"actions": [_tier_action(tier, tiers), tenant]}
    # The tenant again: the clients of many tenants may bear one name, as the console's does.
    client = _header("client", access.CLIENT_HEADER)
    yield {"actions": [_tier_action(tier, tiers), *_not_of(own), tenant, client]}


def _counted_apart(own: Collection[str]) -> Iterable[Resource]:
    """The clients of a tenant with a bucket of its own share that one."""
    if own:
        yield {"actions": [_header(_OWN, access.TENANT_HEADER), _header("client", access.CLIENT_HEADER)]}


def _not_of(own: Collection[str]) -> Iterable[Resource]:
    """Goes on only for tenants without a bucket of their own."""
    if own:
        yield _tenant_is(own, _OWN, _NO, expected=False)


def _tier_action(tier: Tier, tiers: Mapping[Tier, list[str]]) -> Resource:
    """Goes on only for the tenants of a tier: those that are listed, or for `standard` those that nowhere are."""
    if not tiers:
        return {"generic_key": {"descriptor_key": "tier", "descriptor_value": tier}}
    listed = tiers.get(tier) or [name for names in tiers.values() for name in names]
    return _tenant_is(listed, "tier", tier, expected=tier in tiers)


def _tenant_is(names: Collection[str], key: str, value: str, *, expected: bool) -> Resource:
    pattern = {"safe_regex": {"regex": "|".join(map(re.escape, names))}}
    return {
        "header_value_match": {
            "descriptor_key": key,
            "descriptor_value": value,
            "expect_match": expected,
            "headers": [{"name": access.TENANT_HEADER, "string_match": pattern}],
        }
    }


def _header(key: str, name: str) -> Resource:
    return {"request_headers": {"header_name": name, "descriptor_key": key}}


def _public_route() -> Resource:
    # No such key on the route: no descriptor from this list of actions.
    key = {"key": _ROUTE, "path": [{"key": _PUBLIC}]}
    return {"metadata": {"descriptor_key": _PUBLIC, "metadata_key": key, "source": "ROUTE_ENTRY"}}


def _of_tier(tier: Tier, limit: RateLimit, own: Collection[str]) -> Iterable[Resource]:
    yield _descriptor(limit.of(tier), tier=tier, tenant="")
    not_own = {_OWN: _NO} if own else {}
    yield _descriptor(limit.of_client(tier), tier=tier, **not_own, tenant="", client="")


def _own_buckets(tenant: str, tier: Tier, bucket: Bucket, limit: RateLimit) -> Iterable[Resource]:
    yield _descriptor(bucket, tier=tier, tenant=tenant)
    yield _descriptor(limit.client_part(bucket), **{_OWN: tenant}, client="")


def _with_own_bucket(service: str, standings: Standings) -> dict[str, Bucket]:
    found = sorted(standings.items())
    return {tenant: standing.buckets[service] for tenant, standing in found if service in standing.buckets}


def _tenants_by_tier(standings: Standings) -> dict[Tier, list[str]]:
    found: dict[Tier, list[str]] = {}
    for tenant, standing in sorted(standings.items()):
        if standing.tier != "standard":
            found.setdefault(standing.tier, []).append(tenant)
    return found


def _descriptor(bucket: Bucket, **entries: str) -> Resource:
    # An empty value stands for any: Envoy makes a bucket for each that comes.
    found = [{"key": key, "value": value} if value else {"key": key} for key, value in entries.items()]
    return {"entries": found, "token_bucket": token_bucket(bucket)}


def token_bucket(bucket: Bucket) -> Resource:
    """A bucket in Envoy's words."""
    return {
        "max_tokens": most_tokens(bucket),
        "tokens_per_fill": bucket.requests_per_second,
        "fill_interval": "1s",
    }
