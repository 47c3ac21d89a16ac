import pytest

from functions.gateway.envoy.clusters import cluster


@pytest.mark.parametrize(
    ("url", "kind", "host", "port"),
    [
        ("http://127.0.0.1:7071", "STATIC", "127.0.0.1", 7071),
        ("http://[::1]:7071", "STATIC", "::1", 7071),
        ("http://metadata", "envoy.clusters.dns", "metadata", 80),
        ("https://metadata.example.test/", "envoy.clusters.dns", "metadata.example.test", 443),
    ],
)
def test_an_address_is_static_and_a_name_is_resolved(url: str, kind: str, host: str, port: int) -> None:
    found = cluster("metadata", url)
    (group,) = found["load_assignment"]["endpoints"]
    (endpoint,) = group["lb_endpoints"]
    assert (found["type"] if kind == "STATIC" else found["cluster_type"]["name"]) == kind
    assert endpoint["endpoint"]["address"]["socket_address"] == {"address": host, "port_value": port}


def test_https_is_spoken_with_the_name_checked_and_http_without_tls() -> None:
    tls = cluster("metadata", "https://metadata.test")["transport_socket"]["typed_config"]
    assert (tls["sni"], tls["auto_sni_san_validation"]) == ("metadata.test", True)
    assert "transport_socket" not in cluster("metadata", "http://metadata.test")


@pytest.mark.parametrize("url", ["", "metadata:80", "ftp://metadata", "http://", "http://a:port"])
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"metadata|Port"):
        cluster("metadata", url)


def test_retries_have_a_budget() -> None:
    (threshold,) = cluster("metadata", "http://127.0.0.1:1")["circuit_breakers"]["thresholds"]
    assert threshold["retry_budget"]["budget_percent"]["value"] <= 20


def test_a_name_is_asked_more_often_than_its_records_live() -> None:
    names = cluster("metadata", "http://metadata-pods:8080")["cluster_type"]["typed_config"]
    assert names["dns_refresh_rate"] == "2s"
    assert "respect_dns_ttl" not in names
    assert "all_addresses_in_single_endpoint" not in names, "each address is an endpoint of its own"
