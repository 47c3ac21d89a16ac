from typing import Any

from chassis.manifest import Bucket
from functions.gateway.envoy.rate_limits import (
    Standing,
    Standings,
    rate_limit_buckets,
    rate_limit_filter,
    rate_limit_metadata,
    standard_fields,
)
from tests.unit.functions.gateway.envoy.parts import manifest

LIMIT = {"requestsPerSecond": 8, "burst": 20, "premium": {"requestsPerSecond": 100, "burst": 300}}


def buckets(standings: Standings | None = None, **limit: Any) -> dict[str, Any]:
    return rate_limit_buckets(manifest("metadata", rateLimit={**LIMIT, **limit}), standings or {})


def sizes(found: dict[str, Any]) -> dict[tuple[str, ...], tuple[int, int]]:
    """(max tokens, tokens a second) by the entries of the descriptor, an empty value written as `*`."""
    return {
        tuple(f"{entry['key']}={entry.get('value', '*')}" for entry in one["entries"]): (
            one["token_bucket"]["max_tokens"],
            one["token_bucket"]["tokens_per_fill"],
        )
        for one in found["descriptors"]
    }


def test_each_tenant_each_of_its_clients_and_each_address_gets_a_bucket() -> None:
    assert sizes(buckets()) == {
        ("tier=standard", "tenant=*"): (20, 8),
        ("tier=standard", "tenant=*", "client=*"): (10, 4),
        ("public=public", "remote_address=*"): (20, 8),
    }


def test_while_no_tenant_is_of_another_tier_none_is_asked_for() -> None:
    assert [entry["actions"][0] for entry in buckets()["rate_limits"][:2]] == [
        {"generic_key": {"descriptor_key": "tier", "descriptor_value": "standard"}}
    ] * 2


def test_a_tenant_of_another_tier_is_counted_in_that_tiers_buckets_and_in_no_other() -> None:
    found = buckets({"acme.x": Standing("premium"), "tiny": Standing("free")})
    assert sizes(found)["tier=premium", "tenant=*"] == (300, 100)
    assert sizes(found)["tier=free", "tenant=*"] == (5, 2)
    matches = {
        one["descriptor_value"]: (one["expect_match"], one["headers"][0]["string_match"]["safe_regex"]["regex"])
        for one in (entry["actions"][0].get("header_value_match") for entry in found["rate_limits"])
        if one
    }
    assert matches["premium"] == (True, r"acme\.x")
    assert matches["free"] == (True, "tiny")
    assert matches["standard"][0] is False
    assert set(matches["standard"][1].split("|")) == {r"acme\.x", "tiny"}


def test_a_tenants_own_bucket_stands_in_place_of_its_tiers_for_that_service_alone() -> None:
    own = {"metadata": Bucket(requests_per_second=1, burst=2)}
    assert sizes(buckets({"acme": Standing("standard", own)}))["tier=standard", "tenant=acme"] == (2, 1)
    elsewhere = {"audit": Bucket(requests_per_second=1, burst=2)}
    assert ("tier=standard", "tenant=acme") not in sizes(buckets({"acme": Standing("standard", elsewhere)}))


def test_the_clients_of_a_tenant_with_its_own_bucket_share_that_one_and_are_counted_nowhere_else() -> None:
    own = {"metadata": Bucket(requests_per_second=100, burst=200)}
    found = buckets({"acme": Standing("standard", own)}, clientShare=0.25)
    assert sizes(found)["own=acme", "client=*"] == (50, 25)
    assert sizes(found)["tier=standard", "own=no", "tenant=*", "client=*"] == (5, 2)
    assert ("tier=standard", "tenant=*", "client=*") not in sizes(found)
    (tenant, client, apart, public) = found["rate_limits"]
    assert "own" not in str(tenant)
    (_, not_own, *_) = client["actions"]
    assert not_own["header_value_match"]["expect_match"] is False
    assert not_own["header_value_match"]["headers"][0]["string_match"] == {"safe_regex": {"regex": "acme"}}
    assert [one["request_headers"]["descriptor_key"] for one in apart["actions"]] == ["own", "client"]
    assert "metadata" in public["actions"][0]


def test_a_burst_below_the_rate_does_not_lower_the_rate() -> None:
    assert sizes(buckets(requestsPerSecond=50, burst=10))["tier=standard", "tenant=*"] == (50, 50)


def test_the_limit_is_enforced_and_shared_by_the_instances_of_the_edge() -> None:
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    for found in (buckets(), rate_limit_filter()["typed_config"]):
        assert (found["filter_enabled"], found["filter_enforced"]) == (everything, everything)
        assert found["local_cluster_rate_limit"] == {}


def test_a_public_route_is_limited_by_address_and_any_other_by_tenant_and_client() -> None:
    assert rate_limit_metadata(public=True) == {"filter_metadata": {"platform": {"public": "public"}}}
    assert rate_limit_metadata(public=False) == {}


def test_the_standard_fields_are_valid_also_where_envoy_says_nothing() -> None:
    zero, *fields, removed = standard_fields()
    assert zero["append"]["header"] == {"key": removed["remove"], "value": "0"}
    instead = f"?{removed['remove']})%"
    values = [one["append"]["header"]["value"] for one in fields]
    assert [value.replace("%RESP(x-ratelimit-", "").replace(instead, "") for value in values] == [
        '"default";r=remaining;t=reset',
        '"default";q=limit',
    ]
