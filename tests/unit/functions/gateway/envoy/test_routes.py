from typing import Any

from functions.gateway.envoy.routes import route_table
from tests.unit.functions.gateway.envoy.parts import manifest, route

JWT, RBAC = "envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"


def routes_of(*manifests: Any) -> list[dict[str, Any]]:
    (host,) = route_table(manifests)["virtual_hosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found


def test_everything_that_is_not_routed_is_answered_404_by_the_last_route() -> None:
    last = routes_of(manifest("metadata", route()))[-1]
    assert (last["match"], last["direct_response"]) == ({"prefix": "/"}, {"status": 404})


def test_without_any_manifest_nothing_is_forwarded() -> None:
    assert [found["direct_response"]["status"] for found in routes_of()] == [404]


def test_a_route_with_a_scope_needs_a_token_and_that_scope() -> None:
    filters = routes_of(manifest("metadata", route()))[0]["typed_per_filter_config"]
    assert filters[JWT]["requirement_name"]
    (policy,) = filters[RBAC]["rbac"]["rules"]["policies"].values()
    (principal,) = policy["principals"]
    matcher = principal["sourced_metadata"]["metadata_matcher"]
    assert matcher["value"] == {"list_match": {"one_of": {"string_match": {"exact": "metadata.read"}}}}
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
    assert statuses == ["forward", "forward", "forward", 405, 405, 404]
    assert found[3]["response_headers_to_add"] == [{"header": {"key": "allow", "value": "GET, PUT"}}]


def test_only_idempotent_routes_are_retried() -> None:
    once, often = routes_of(manifest("metadata", route("/metadata/a"), route("/metadata/b", idempotent=True)))[:2]
    assert "retry_policy" not in once["route"]
    assert often["route"]["retry_policy"]["retriable_status_codes"] == [503]


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
    one, two = routes_of(manifest("metadata", route("/metadata/a", "PUT"), route("/metadata/b", "GET", "PUT")))[:2]
    assert one["route"]["cluster"] == "metadata"
    assert one["match"]["headers"] == [{"name": ":method", "string_match": {"exact": "PUT"}}]
    assert two["match"]["headers"] == [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|PUT"}}}]


def test_a_span_of_the_edge_is_named_by_the_template_and_not_by_the_path() -> None:
    found = routes_of(manifest("metadata", route("/metadata/schemas/{name}", "GET", "PUT")))[0]
    assert found["decorator"] == {"operation": "GET,PUT /metadata/schemas/{name}", "propagate": False}
