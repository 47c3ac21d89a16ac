import re
from typing import Any

import pytest

from functions.gateway.envoy.checks import Checks
from functions.gateway.envoy.gate import ModuleChecks
from functions.gateway.envoy.native import NativeChecks
from functions.gateway.envoy.routes import route_scopes
from tests.unit.functions.gateway.envoy.parts import manifest, route

JWT, RBAC = "envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"


def host_of(*manifests: Any) -> dict[str, Any]:
    (scope,) = route_scopes(manifests, {}, NativeChecks())
    (host,) = scope["route_configuration"]["virtual_hosts"]
    found: dict[str, Any] = host
    return found


def routes_of(*manifests: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = host_of(*manifests)["routes"]
    return found


def with_tokens(*manifests: Any) -> list[dict[str, Any]]:
    """The routes that are not for API keys."""
    return [found for found in routes_of(*manifests) if not str(found.get("name")).endswith("with API key")]


def test_everything_that_is_not_routed_is_answered_404_by_the_last_route() -> None:
    last = routes_of(manifest("metadata", route()))[-1]
    assert (last["match"], last["direct_response"]) == ({"prefix": "/"}, {"status": 404})


def test_each_service_has_a_scope_of_its_own_found_by_the_first_segment_of_the_path() -> None:
    audit = manifest("audit", route("/audit/events"), route("/docs", public=True))
    found = route_scopes([manifest("metadata", route()), audit, manifest("workflow")], {}, NativeChecks())
    assert [(one["name"], one["key"]["fragments"]) for one in found] == [
        (name, [{"string_key": name}]) for name in ("metadata", "audit", "docs")
    ]
    assert [len(one["route_configuration"]["virtual_hosts"][0]["routes"]) for one in found] == [4, 4, 3]


def test_a_route_that_says_nothing_of_scopes_is_denied() -> None:
    denied = host_of(manifest("metadata", route()))["typed_per_filter_config"][RBAC]
    assert denied["rbac"]["rules"] == {"action": "ALLOW", "policies": {}}


def test_a_route_with_a_scope_needs_a_token_and_that_scope() -> None:
    filters = routes_of(manifest("metadata", route()))[0]["typed_per_filter_config"]
    assert filters[JWT]["requirement_name"]
    (policy,) = filters[RBAC]["rbac"]["rules"]["policies"].values()
    (principal,) = policy["principals"]
    pattern = principal["header"]["string_match"]["safe_regex"]["regex"]
    assert principal["header"]["name"] == "x-platform-scope"
    passing = ["metadata.read", "a metadata.read", "metadata.read b", "a.b metadata.read c.d"]
    assert [bool(re.fullmatch(pattern, held)) for held in passing] == [True] * 4
    failing = ["", "metadata.reader", "xmetadata.read", "metadata-read", "metadata.read,b", "a.metadata.read"]
    assert [bool(re.fullmatch(pattern, held)) for held in failing] == [False] * 6
    assert filters[RBAC]["rbac"]["rules"]["action"] == "ALLOW"


def test_only_a_public_route_is_without_token_and_scope() -> None:
    filters = routes_of(manifest("metadata", route(public=True)))[0]["typed_per_filter_config"]
    assert filters[JWT]["disabled"] is True
    assert "rbac" not in filters[RBAC]


def test_a_path_that_is_routed_with_other_methods_is_answered_405_after_all_real_routes() -> None:
    found = routes_of(
        manifest("metadata", route("/metadata/a", "GET"), route("/metadata/a", "PUT"), route("/metadata/{*rest}"))
    )
    statuses = [one.get("direct_response", {}).get("status", "forward") for one in found]
    assert statuses == ["forward"] * 6 + [405, 405, 404]
    assert found[6]["response_headers_to_add"] == [{"header": {"key": "allow", "value": "GET, PUT"}}]


def test_what_no_pod_has_seen_is_tried_at_another_and_what_failed_only_where_it_is_idempotent() -> None:
    once, often = with_tokens(manifest("metadata", route("/metadata/a"), route("/metadata/b", idempotent=True)))[:2]
    policies = [one["route"]["retry_policy"] for one in (once, often)]
    unseen = {"connect-failure", "refused-stream", "reset-before-request"}
    assert [set(policy["retry_on"].split(",")) - unseen for policy in policies] == [set(), {"retriable-status-codes"}]
    assert [policy.get("retriable_status_codes") for policy in policies] == [None, [503]]
    for policy in policies:
        assert unseen <= set(policy["retry_on"].split(","))
        assert "previous_hosts" in policy["retry_host_predicate"][0]["name"]


def test_timeout_deadline_and_body_limit_are_the_routes_own() -> None:
    found = routes_of(manifest("metadata", route(timeoutSeconds=2.5, maxBodyBytes=1000)))[0]
    assert found["route"]["timeout"] == "2.500s"
    (deadline,) = found["request_headers_to_add"]
    assert deadline["header"] == {"key": "x-platform-deadline-ms", "value": "2500"}
    assert deadline["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"
    buffer = found["typed_per_filter_config"]["envoy.filters.http.buffer"]
    assert buffer["buffer"] == {"max_request_bytes": 1000}


def test_a_route_without_any_body_has_the_smallest_limit_that_envoy_takes() -> None:
    found = routes_of(manifest("metadata", route(maxBodyBytes=0)))[0]
    assert found["typed_per_filter_config"]["envoy.filters.http.buffer"]["buffer"] == {"max_request_bytes": 1}


def test_a_route_leads_to_its_services_cluster_for_its_methods_alone() -> None:
    one, two = with_tokens(manifest("metadata", route("/metadata/a", "PUT"), route("/metadata/b", "GET", "PUT")))[:2]
    assert one["route"]["cluster"] == "metadata"
    assert one["match"]["headers"][0] == {"name": ":method", "string_match": {"exact": "PUT"}}
    assert two["match"]["headers"][0] == {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|PUT"}}}


def test_a_span_of_the_edge_is_named_by_the_template_and_not_by_the_path() -> None:
    found = routes_of(manifest("metadata", route("/metadata/schemas/{name}", "GET", "PUT")))[0]
    assert found["decorator"] == {"operation": "GET,PUT /metadata/schemas/{name}", "propagate": False}


def test_a_websocket_route_is_upgraded_unbuffered_and_without_a_time_limit() -> None:
    found = routes_of(manifest("metadata", route("/client/{*rest}", public=True, websocket=True, upstream="signalr")))[
        0
    ]
    assert found["route"]["upgrade_configs"] == [{"upgrade_type": "websocket"}]
    assert (found["route"]["cluster"], found["route"]["timeout"]) == ("signalr", "0.000s")
    assert "retry_policy" not in found["route"]
    assert "envoy.filters.http.buffer" not in found["typed_per_filter_config"]


def test_an_allowed_origin_is_in_every_virtual_host() -> None:
    (scope,) = route_scopes([manifest("metadata", route())], {}, NativeChecks(), ["https://a.test"])
    policy = scope["route_configuration"]["virtual_hosts"][0]["typed_per_filter_config"]["envoy.filters.http.cors"]
    assert policy["allow_origin_string_match"] == [{"exact": "https://a.test"}]
    assert policy["allow_credentials"] is False


def test_a_request_with_an_api_key_goes_by_a_route_that_exchanges_it_and_any_other_does_not() -> None:
    found = routes_of(manifest("metadata", route(), route("/metadata/health/live", public=True)))
    exchange, key = "envoy.filters.http.ext_authz", "x-api-key"
    without, public = sorted((one for one in found[:2]), key=lambda one: "public" in str(one["metadata"]))
    with_key = found[2]
    assert {"name": key, "present_match": True, "invert_match": True} in without["match"]["headers"]
    assert exchange not in {**without["typed_per_filter_config"], **public["typed_per_filter_config"]}
    assert {"name": key, "present_match": True} in with_key["match"]["headers"]
    assert with_key["typed_per_filter_config"][exchange]
    assert with_key["typed_per_filter_config"][RBAC] == without["typed_per_filter_config"][RBAC]
    assert with_key["request_headers_to_remove"] == [key]


@pytest.mark.parametrize("checks", [NativeChecks(), ModuleChecks("/lib/libedge.so")])
def test_only_requests_that_nobody_is_known_to_be_behind_are_counted_before_that_is_found_out(checks: Checks) -> None:
    found = manifest("metadata", route(), route("/metadata/health/live", public=True))
    (scope,) = route_scopes([found], {}, checks, ["https://a.test"])
    routes = [one["typed_per_filter_config"] for one in scope["route_configuration"]["virtual_hosts"][0]["routes"]]
    counted = [config for config in routes if not config.get("platform.unproven", {}).get("disabled", False)]
    exchanging = [config for config in routes if "envoy.filters.http.ext_authz" in config]
    checking = [config for config in routes if config.get(JWT, {}).get("requirement_name")]
    assert counted == (checking if checks.knows_tokens else exchanging)
    assert len(exchanging) == 1
    assert len(routes) > len(checking) == 2
