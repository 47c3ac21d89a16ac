from typing import Any

from functions.gateway.envoy.listener import listener


def manager() -> dict[str, Any]:
    found = listener(
        host="127.0.0.1",
        port=8080,
        issuer="https://edge.test/identity",
        audience="platform",
        jwks_uri="http://identity/identity/.well-known/jwks.json",
    )
    (chain,) = found["filter_chains"]
    (only,) = chain["filters"]
    config: dict[str, Any] = only["typed_config"]
    return config


def test_token_and_scope_are_checked_before_the_limit_the_body_and_the_route() -> None:
    assert [found["name"].removeprefix("envoy.filters.http.") for found in manager()["http_filters"]] == [
        "header_mutation",
        "jwt_authn",
        "rbac",
        "local_ratelimit",
        "buffer",
        "router",
    ]


def test_a_route_that_says_nothing_of_scopes_is_denied() -> None:
    rbac = manager()["http_filters"][2]["typed_config"]
    assert rbac["rules"] == {"action": "ALLOW", "policies": {}}


def test_the_edges_own_headers_are_removed_before_anything_reads_them() -> None:
    (mutation,) = manager()["early_header_mutation_extensions"]
    removed = [found["remove_on_match"]["key_matcher"]["prefix"] for found in mutation["typed_config"]["mutations"]]
    assert removed == ["x-platform-", "x-envoy-"]


def test_a_token_is_checked_for_issuer_audience_and_expiry_and_gives_user_and_tenant_headers() -> None:
    provider = manager()["http_filters"][1]["typed_config"]["providers"]["platform"]
    assert (provider["issuer"], provider["audiences"]) == ("https://edge.test/identity", ["platform"])
    assert provider["require_expiration"] is True
    assert provider["claim_to_headers"] == [
        {"header_name": "x-platform-user", "claim_name": "sub"},
        {"header_name": "x-platform-tenant", "claim_name": "tid"},
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
