from typing import Any

from chassis.manifest import Bucket, ServiceManifest
from functions.gateway.envoy.access import Issuer
from functions.gateway.envoy.gate import FILTER, ModuleChecks, fingerprint
from functions.gateway.envoy.rate_limits import Standing
from functions.gateway.envoy.routes import route_scopes
from tests.unit.functions.gateway.envoy.parts import manifest, route

CHECKS = ModuleChecks("/lib/libedge.so")
LIMIT = {"requestsPerSecond": 8, "burst": 20, "premium": {"requestsPerSecond": 100, "burst": 300}}
ISSUER = Issuer("https://edge.test/identity", "platform", {"keys": [{"kid": "one"}]})
JWT = "envoy.filters.http.jwt_authn"


def told(config: dict[str, Any]) -> list[str]:
    """The lines that the module gets with a filter's or a route's configuration."""
    lines: str = config["filter_config"]["value"]
    return lines.splitlines()


def routes_of(found: ServiceManifest) -> list[dict[str, Any]]:
    (scope,) = route_scopes([found], {}, CHECKS)
    (host,) = scope["route_configuration"]["virtual_hosts"]
    routes: list[dict[str, Any]] = host["routes"]
    return routes


def passes(found: dict[str, Any]) -> str:
    return told(found["typed_per_filter_config"][FILTER])[0]


def test_a_route_is_passed_with_a_known_token_or_with_one_that_envoy_checks_now_or_with_an_api_key() -> None:
    known, token, key, *_ = routes_of(manifest("metadata", route("/metadata/a")))
    assert [passes(found) for found in (known, token, key)] == ["passes known", "passes token", "passes token"]
    assert [JWT in found["typed_per_filter_config"] for found in (known, token, key)] == [False, True, True]
    asked = [
        [(one["name"], one.get("invert_match", False)) for one in found["match"]["headers"][1:]]
        for found in (known, token, key)
    ]
    assert asked == [[("x-platform-tenant", False)], [("x-api-key", True)], [("x-api-key", False)]]


def test_the_module_is_told_a_routes_scope_service_and_each_tiers_buckets() -> None:
    (known, *_) = routes_of(manifest("metadata", route("/metadata/a"), rateLimit=LIMIT))
    assert told(known["typed_per_filter_config"][FILTER]) == [
        "passes known",
        "scope metadata.read",
        "service metadata",
        "tier 0 2 5 1 3",
        "tier 1 8 20 4 10",
        "tier 2 100 300 50 150",
    ]


def test_a_general_public_route_never_comes_before_a_more_specific_one_with_a_scope() -> None:
    """Neither for a token that is known nor for a request that has none."""
    found = routes_of(manifest("metadata", route("/metadata/{any}", public=True), route("/metadata/own")))
    order = [(one["name"], passes(one)) for one in found[:5]]
    own, general = "metadata GET /metadata/own", "metadata GET /metadata/{any}"
    assert order == [
        (own, "passes known"),
        (general, "passes address"),
        (own, "passes token"),
        (f"{own} with API key", "passes token"),
        (general, "passes address"),
    ]
    assert [one["name"] for one in found[1]["match"]["headers"]] == [":method", "x-platform-tenant"]


def test_what_says_nothing_is_passed_by_nobody_and_what_the_edge_answers_by_all() -> None:
    found = manifest("metadata", route())
    assert told(CHECKS.host(found, {})[FILTER]) == ["passes nobody"]
    assert told(CHECKS.answered()[FILTER]) == ["passes open"]


def test_token_check_and_gate_have_the_fingerprint_of_the_same_keys() -> None:
    token, gate = (one["typed_config"] for one in CHECKS.extensions(ISSUER, [], {}, 2))
    mark = fingerprint(ISSUER.keys)
    assert token["providers"]["platform"]["payload_in_metadata"] == mark
    assert told(gate) == [f"keys {mark}", "instances 2", "unrouted 500 1000"]
    assert mark != fingerprint({"keys": []})


def test_only_tenants_that_are_not_of_the_standard_tier_are_listed_and_own_buckets() -> None:
    standings = {
        "acme": Standing("premium", {"audit": Bucket(requests_per_second=5, burst=2)}),
        "calm": Standing("standard"),
        "tiny": Standing("free"),
    }
    _, gate = CHECKS.extensions(ISSUER, [manifest("audit", rateLimit={"clientShare": 0.25})], standings, 1)
    assert told(gate["typed_config"])[3:] == ["tenant acme 2", "tenant tiny 0", "bucket acme audit 5 5 2 2"]


def test_the_token_check_is_off_but_where_a_route_asks_for_it() -> None:
    token, gate = CHECKS.filters({"path": "anywhere"})
    assert (token["name"], token["disabled"], gate["name"]) == (JWT, True, FILTER)
    assert "disabled" not in gate
