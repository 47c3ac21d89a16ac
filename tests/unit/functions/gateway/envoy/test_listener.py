import json
from dataclasses import replace
from typing import Any

from chassis.manifest import Bucket
from functions.gateway.envoy.access import Issuer, token_filter
from functions.gateway.envoy.listener import Entry, listener
from functions.gateway.envoy.native import NativeChecks
from functions.gateway.envoy.unproven import PerAddress

SOME = Bucket(requests_per_second=1, burst=2)
ENTRY = Entry(PerAddress(keys=SOME, tokens=SOME), trace_percent=5)
KEYS = {"keys": [{"kty": "RSA", "kid": "one"}]}


def manager(*, tls: bool = False, **changes: Any) -> dict[str, Any]:
    found = listener("edge", "127.0.0.1", 8080, replace(ENTRY, **changes), NativeChecks(), tls=tls)
    (chain,) = found["filter_chains"]
    (only,) = chain["filters"]
    config: dict[str, Any] = only["typed_config"]
    return config


def filters(**changes: Any) -> dict[str, Any]:
    return {
        found["name"].removeprefix("envoy.filters.http."): found.get("typed_config", {})
        for found in manager(**changes)["http_filters"]
    }


def test_token_and_scope_are_checked_before_the_limit_the_body_and_the_route() -> None:
    assert list(filters()) == [
        "header_mutation",
        "compressor",
        "platform.unproven",
        "ext_authz",
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
    found = token_filter(Issuer("https://edge.test/identity", "platform", KEYS))
    provider = found["typed_config"]["providers"]["platform"]
    assert (provider["issuer"], provider["audiences"]) == ("https://edge.test/identity", ["platform"])
    assert provider["require_expiration"] is True
    assert provider["claim_to_headers"] == [
        {"header_name": "x-platform-user", "claim_name": "sub"},
        {"header_name": "x-platform-tenant", "claim_name": "tid"},
        {"header_name": "x-platform-client", "claim_name": "client_id"},
        {"header_name": "x-platform-scope", "claim_name": "scope"},
    ]
    assert json.loads(provider["local_jwks"]["inline_string"]) == KEYS


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
    assert {"key": "x-client-trace-id", "value": "%REQ(x-platform-sent-trace)%"} in appended


def test_no_query_gets_into_a_span() -> None:
    tracing = manager()["tracing"]
    assert tracing["max_path_tag_length"] == 0
    assert {"tag": "url.path", "value": "%PATH(NQ)%"} in tracing["custom_tags"]


def test_without_an_allowed_origin_there_is_no_cors_and_with_one_it_comes_before_the_token() -> None:
    assert "cors" not in filters()
    assert list(filters(cors_origins=("https://a.test",)))[:3] == ["header_mutation", "cors", "compressor"]


def test_strict_transport_security_is_told_over_tls_alone() -> None:
    def told(*, tls: bool) -> set[str]:
        mutations = manager(tls=tls)["http_filters"][0]["typed_config"]["mutations"]["response_mutations"]
        return {found["append"]["header"]["key"] for found in mutations if "append" in found}

    assert told(tls=True) - told(tls=False) == {"strict-transport-security"}
    assert {"x-content-type-options", "content-security-policy"} <= told(tls=False)


def test_a_tls_listener_has_its_certificate_by_name_and_offers_http_2() -> None:
    found = listener("edge-tls", "127.0.0.1", 8443, ENTRY, NativeChecks(), tls=True)
    context = found["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    assert context["alpn_protocols"] == ["h2", "http/1.1"]
    assert [one["name"] for one in context["tls_certificate_sds_secret_configs"]] == ["edge-certificate"]
    assert "transport_socket" not in listener("edge", "127.0.0.1", 8080, ENTRY, NativeChecks())["filter_chains"][0]


def test_a_body_is_kept_for_routes_alone_that_ask_for_it() -> None:
    assert [found["name"] for found in manager()["http_filters"] if found.get("disabled")] == [
        "envoy.filters.http.ext_authz",
        "envoy.filters.http.buffer",
    ]


def test_what_has_a_strong_etag_is_not_compressed() -> None:
    assert filters()["compressor"]["response_direction_config"]["disable_on_etag_header"] is True
