"""The checks by the edge's module (`module/`, loaded by Envoy): tokens that jwt_authn has let pass are remembered, and
limits and scopes are checked by one filter.

A token that an instance has not seen, or that it saw with other keys, takes a route on which jwt_authn is; it is off on
all others. The module is told the routes' scopes and limits by the routes, and all else by a configuration of its own.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.manifest import TIERS, Bucket, RateLimit, Route, ServiceManifest
from functions.gateway.envoy import access
from functions.gateway.envoy.api_keys import without_key
from functions.gateway.envoy.checks import PATH_HEADER, Variant
from functions.gateway.envoy.rate_limits import UNROUTED, Standings, most_tokens
from functions.gateway.envoy.resource import TYPE_PREFIX, Resource, extension, typed

FILTER = "platform.gate"
KNOWN_HEADER = access.TENANT_HEADER
"""Set by the module before a request is routed when its token is remembered; otherwise by jwt_authn, behind that."""
EXPIRES_HEADER = "x-platform-expires"
"""When the token expires (Unix seconds), told by jwt_authn to the module alone."""
_FILTER_MESSAGE = "envoy.extensions.filters.http.dynamic_modules.v3"
_EARLY_MESSAGE = "envoy.extensions.http.early_header_mutation.dynamic_modules.v3.DynamicModuleEarlyHeaderMutation"


class ModuleChecks:
    """`file` is the module's path on the instance."""

    removed = (PATH_HEADER,)
    knows_tokens = True

    def __init__(self, file: str) -> None:
        self._module = {"module": {"local": {"filename": file}}, "do_not_close": True}

    def early(self) -> Resource:
        """Remove the edge's own headers, set the path's, say a known token's tenant (`module/early.c`)."""
        return extension(
            "envoy.http.early_header_mutation.dynamic_modules",
            _EARLY_MESSAGE,
            dynamic_module_config=self._module,
            early_header_mutation_name="early",
        )

    def filters(self, source: Resource, /) -> list[Resource]:
        """jwt_authn, off until a route asks for it, and the gate, which is told the keys and standings by `source`."""
        kinds = [f"{TYPE_PREFIX}{_FILTER_MESSAGE}.DynamicModuleFilter"]
        return [
            {**access.token_filter_place(source), "disabled": True},
            {"name": FILTER, "config_discovery": {"config_source": source, "type_urls": kinds}},
        ]

    def answer_fields(self) -> list[Resource]:
        """None: the gate sets the standard's fields itself."""
        return []

    def host(self, _manifest: ServiceManifest, _standings: Standings, /) -> Resource:
        """Passed by nobody."""
        return self._passes("nobody")

    def answered(self) -> Resource:
        """Passed by all and counted nowhere."""
        return self._passes("open")

    def variants(self, manifest: ServiceManifest, route: Route, /) -> list[Variant]:
        """Once for requests whose token is known, once for all others."""
        known = {"name": KNOWN_HEADER, "present_match": True}
        if route.public:
            limit = manifest.rate_limit.of("standard")
            public = self._passes("address", f"service {manifest.service}", f"address {_words(limit)}")
            return [Variant([known], public), Variant([], public)]
        return [
            Variant([known], self._passes("known", *_limited(manifest, route))),
            Variant([without_key()], self.with_key(manifest, route)),
        ]

    def with_key(self, manifest: ServiceManifest, route: Route, /) -> Resource:
        """jwt_authn, then the gate."""
        return {**access.token_required(), **self._passes("token", *_limited(manifest, route))}

    def extensions(
        self, issuer: access.Issuer, manifests: Sequence[ServiceManifest], standings: Standings, instances: int, /
    ) -> list[Resource]:
        """jwt_authn and the gate, both with the fingerprint of the same keys."""
        mark = fingerprint(issuer.keys)
        known = [*_standing_lines(standings), *_own_lines(manifests, standings)]
        gate = extension(
            FILTER,
            f"{_FILTER_MESSAGE}.DynamicModuleFilter",
            dynamic_module_config=self._module,
            filter_name="gate",
            filter_config=_text([f"keys {mark}", f"instances {instances}", f"unrouted {_words(UNROUTED)}", *known]),
        )
        return [access.token_filter(issuer, expires_header=EXPIRES_HEADER, fingerprint=mark), gate]

    def _passes(self, how: str, *lines: str) -> Resource:
        found = typed(
            f"{_FILTER_MESSAGE}.DynamicModuleFilterPerRoute",
            dynamic_module_config=self._module,
            filter_name="gate",
            filter_config=_text([f"passes {how}", *lines]),
        )
        return {FILTER: found}


def fingerprint(keys: Mapping[str, Any]) -> str:
    """A name for a set of keys: another set has another."""
    return hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:32]


def _limited(manifest: ServiceManifest, route: Route, /) -> Iterable[str]:
    yield f"scope {route.scope}"
    yield f"service {manifest.service}"
    for number, tier in enumerate(TIERS):
        limit = manifest.rate_limit
        yield f"tier {number} {_words(limit.of(tier))} {_words(limit.of_client(tier))}"


def _standing_lines(standings: Standings) -> Iterable[str]:
    for tenant, standing in sorted(standings.items()):
        if standing.tier != "standard":
            yield f"tenant {tenant} {TIERS.index(standing.tier)}"


def _own_lines(manifests: Sequence[ServiceManifest], standings: Standings) -> Iterable[str]:
    limits: dict[str, RateLimit] = {manifest.service: manifest.rate_limit for manifest in manifests}
    for tenant, standing in sorted(standings.items()):
        for service, bucket in sorted(standing.buckets.items()):
            if limit := limits.get(service):
                yield f"bucket {tenant} {service} {_words(bucket)} {_words(limit.client_part(bucket))}"


def _words(bucket: Bucket) -> str:
    return f"{bucket.requests_per_second} {most_tokens(bucket)}"


def _text(lines: Iterable[str]) -> Resource:
    return typed("google.protobuf.StringValue", value="\n".join(lines))
