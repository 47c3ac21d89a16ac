"""One Envoy cluster per service: where it is, and how the edge protects it."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from functions.gateway.envoy.health import endpoint_health
from functions.gateway.envoy.rate_limits import LOCAL_CLUSTER
from functions.gateway.envoy.resource import Resource, extension, typed

CONNECT_TIMEOUT = "1s"
NAMES_EVERY = "2s"
"""How often a name is asked for its addresses, each an endpoint: 27 questions a second, of 6 edges for 9 names.

Records live 30 s on AKS, and its CoreDNS keeps them so long itself: here their time is not waited for once more.
"""
MAX_CONNECTIONS = 1024
MAX_PENDING = 512
MAX_REQUESTS = 1024
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def cluster(service: str, base_url: str, health_path: str | None = None) -> Resource:
    """The cluster of a service at `http(s)://host[:port]`. Raises ValueError for any other address."""
    url = urlsplit(base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"{service}: {base_url!r} is not an http address")
    port = url.port or (443 if url.scheme == "https" else 80)
    found: Resource = {
        "name": service,
        **_discovery(url.hostname),
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {
            "cluster_name": service,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(url.hostname, port)}}]}],
        },
        "circuit_breakers": {"thresholds": [_thresholds()]},
        **endpoint_health(health_path or f"/{service}/health/live"),
        "typed_extension_protocol_options": {
            HTTP_OPTIONS: typed(
                HTTP_OPTIONS,
                explicit_http_config={"http_protocol_options": {}},
                common_http_protocol_options={"idle_timeout": "30s"},
            )
        },
    }
    return {**found, "transport_socket": _tls(url.hostname)} if url.scheme == "https" else found


def instances(ids: Collection[str]) -> Resource:
    """The members of the cluster of the edge's own instances: only their number counts, no request goes there."""
    nowhere = [{"endpoint": {"address": _address("127.0.0.1", number + 1)}} for number in range(len(ids))]
    return {"cluster_name": LOCAL_CLUSTER, "endpoints": [{"lb_endpoints": nowhere}]}


def _discovery(host: str) -> Resource:
    """Where the endpoints come from: the address itself, or each address of the name, which may have none."""
    if _is_address(host):
        return {"type": "STATIC"}
    names = {"dns_refresh_rate": NAMES_EVERY, "dns_lookup_family": "V4_PREFERRED"}
    return {"cluster_type": extension("envoy.clusters.dns", "envoy.extensions.clusters.dns.v3.DnsCluster", **names)}


def _thresholds() -> Resource:
    return {
        "priority": "DEFAULT",
        "max_connections": MAX_CONNECTIONS,
        "max_pending_requests": MAX_PENDING,
        "max_requests": MAX_REQUESTS,
        # At most a fifth of what is under way may be retries, so that retries can't finish off a weak service.
        "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 3},
    }


def _tls(host: str) -> Resource:
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            sni=host,
            auto_sni_san_validation=True,
            common_tls_context={"validation_context": {"system_root_certs": {}}},
        ),
    }


def _address(host: str, port: int) -> Resource:
    return {"socket_address": {"address": host, "port_value": port}}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
