"""Requests of which nobody knows yet whose they are, limited by address before it is found out.

Those with an API key, each of which asks the gateway app; and, where the instance knows the tokens that it has let
pass, those with any other token, each of which costs a check of a signature.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.manifest import Bucket
from functions.gateway.envoy import access, api_keys
from functions.gateway.envoy.rate_limits import MAX_BUCKETS, token_bucket
from functions.gateway.envoy.resource import Resource, always, extension, typed

FILTER = "platform.unproven"
_NO_LIMIT = Bucket(requests_per_second=1_000_000, burst=2_000_000)
_MESSAGE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


@dataclass(frozen=True)
class PerAddress:
    """What one address may send, whatever the service: requests with a key, and requests with a token not yet known."""

    keys: Bucket
    tokens: Bucket


def limit_filter(limits: PerAddress) -> Resource:
    """The filter, with a bucket for each address. It is on; routes whose requests are known turn it off."""
    descriptors = [_descriptor("key", limits.keys), _descriptor("token", limits.tokens)]
    return extension(
        FILTER,
        _MESSAGE,
        stat_prefix="edge_unproven",
        filter_enabled=always(),
        filter_enforced=always(),
        token_bucket=token_bucket(_NO_LIMIT),  # for requests that find no route
        rate_limits=[_counted("key", is_sent=True), _counted("token", is_sent=False)],
        descriptors=descriptors,
        max_dynamic_descriptors=MAX_BUCKETS,
        local_cluster_rate_limit={},
        response_headers_to_add=[{"header": {"key": "retry-after", "value": "1"}}],
    )


def turn_off_where_known(routes: Iterable[Resource], *, knows_tokens: bool) -> None:
    """Limit only the routes on which keys are exchanged, and with `knows_tokens` those on which tokens are checked."""
    for route in routes:
        config = route.setdefault("typed_per_filter_config", {})
        if api_keys.FILTER not in config and not (knows_tokens and access.JWT in config):
            config[FILTER] = typed("envoy.config.route.v3.FilterConfig", disabled=True)


def _counted(as_what: str, *, is_sent: bool) -> Resource:
    has_key = {"descriptor_value": as_what, "expect_match": is_sent, "headers": [api_keys.has_key()]}
    return {"actions": [{"header_value_match": has_key}, {"remote_address": {}}]}


def _descriptor(of_what: str, bucket: Bucket) -> Resource:
    entries = [{"key": "header_match", "value": of_what}, {"key": "remote_address"}]
    return {"entries": entries, "token_bucket": token_bucket(bucket)}
