from functions.gateway.envoy.rate_limits import rate_limit_buckets, rate_limit_filter, rate_limit_metadata
from tests.unit.functions.gateway.envoy.parts import manifest


def test_each_service_gives_each_client_and_each_address_a_bucket_of_its_size() -> None:
    limit = {"requestsPerSecond": 7, "burst": 20}
    descriptors = rate_limit_buckets([manifest("metadata", rateLimit=limit)])["descriptors"]
    assert [found["entries"] for found in descriptors] == [
        [{"key": "service", "value": "metadata"}, {"key": "client"}],
        [{"key": "service", "value": "metadata"}, {"key": "remote_address"}],
    ]
    for found in descriptors:
        assert found["token_bucket"] == {"max_tokens": 20, "tokens_per_fill": 7, "fill_interval": "1s"}


def test_a_burst_below_the_rate_does_not_lower_the_rate() -> None:
    limit = {"requestsPerSecond": 50, "burst": 10}
    buckets = rate_limit_buckets([manifest("metadata", rateLimit=limit)])
    assert buckets["descriptors"][0]["token_bucket"]["max_tokens"] == 50


def test_the_limit_is_enforced_and_not_just_watched() -> None:
    buckets = rate_limit_buckets([])
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    assert (buckets["filter_enabled"], buckets["filter_enforced"]) == (everything, everything)
    assert "token_bucket" not in rate_limit_filter()["typed_config"]


def test_a_public_route_is_limited_by_address_and_any_other_by_client() -> None:
    assert rate_limit_metadata("audit", public=True) == {"filter_metadata": {"platform": {"public": "audit"}}}
    assert rate_limit_metadata("audit", public=False) == {"filter_metadata": {"platform": {"service": "audit"}}}
