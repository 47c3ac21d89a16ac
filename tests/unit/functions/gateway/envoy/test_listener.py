from typing import Any

from functions.gateway.envoy.listener import listener


def manager() -> dict[str, Any]:
    found = listener(
        host="127.0.0.1",
        port=8080,
        issuer="https://edge.test/identity",
        audience="platform",
        jwks_uri="http://identity/identity/.well-known/jwks.json",
        trace_percent=5,
    )
    (chain,) = found["filter_chains"]
    (only,) = chain["filters"]
    config: dict[str, Any] = only["typed_config"]
    return config


def test_token_and_scope_are_checked_before_the_limit_the_body_and_the_route() -> None:
    assert [found["name"].removeprefix("envoy.filters.http.") for found in manager()["http_filters"]] == [
        "header_mutation",
        "jwt_authn",
        "local_ratelimit",
        "rbac",
        "buffer",
        "router",
    ]


def test_the_edges_own_headers_are_removed_before_anything_reads_them() -> None:
    (mutation,) = manager()["early_header_mutation_extensions"]
    mutations = mutation["typed_config"]["mutations"]
    removed = [found["remove_on_match"]["key_matcher"]["prefix"] for found in mutations if "remove_on_match" in found]
    assert removed == ["x-platform-", "x-envoy-"]


def test_a_token_is_checked_for_issuer_audience_and_expiry_and_gives_user_and_tenant_headers() -> None:
    provider = manager()["http_filters"][1]["typed_config"]["providers"]["platform"]
    assert (provider["issuer"], provider["audiences"]) == ("https://edge.test/identity", ["platform"])
    assert provider["require_expiration"] is True
    assert provider["claim_to_headers"] == [
        {"header_name": "x-platform-user", "claim_name": "sub"},
        {"header_name": "x-platform-tenant", "claim_name": "tid"},
        {"header_name": "x-platform-client", "claim_name": "client_id"},
        {"header_name": "x-platform-scope", "claim_name": "scope"},
    ]
    assert provider["remote_jwks"]["http_uri"]["cluster"] == "identity"


def test_paths_are_normalized_and_escaped_slashes_refused() -> None:
    config = manager()
    assert (config["normalize_path"], config["merge_slashes"]) == (True, True)
    assert config["path_with_escaped_slashes_action"] == "REJECT_REQUEST"


def test_the_access_log_has_neither_query_nor_authorization() -> None:
    (log,) = manager()["access_log"]
    fields = log["typed_config"]["log_format"]["json_format"]
    assert fields["path"] == "%PATH(NQ)%"
    assert "AUTHORIZATION" not in str(fields).upper()
    assert "%REQ(:PATH)%" not in str(fields)


def test_a_callers_trace_is_always_kept_and_of_the_others_a_part() -> None:
    tracing = manager()["tracing"]
    assert (tracing["random_sampling"], tracing["client_sampling"]) == ({"value": 5}, {"value": 100})
    (mutation,) = manager()["early_header_mutation_extensions"]
    appended = [found["append"]["header"] for found in mutation["typed_config"]["mutations"] if "append" in found]
    assert appended == [{"key": "x-client-trace-id", "value": "%REQ(traceparent)%"}]


def test_no_query_gets_into_a_span() -> None:
    tracing = manager()["tracing"]
    assert tracing["max_path_tag_length"] == 0
    assert {"tag": "url.path", "value": "%PATH(NQ)%"} in tracing["custom_tags"]
