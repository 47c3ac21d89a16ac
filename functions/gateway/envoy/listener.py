"""The edge's listener: what happens to every request, in order, before and after its route is known."""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.gateway.envoy import access
from functions.gateway.envoy.api_keys import exchange_filter
from functions.gateway.envoy.browsers import compression, cors_fields, cors_filter, security_fields
from functions.gateway.envoy.checks import PATH_HEADER, Checks
from functions.gateway.envoy.problems import TRACE_ID_HEADER, local_reply_config
from functions.gateway.envoy.resource import Resource, extension, seconds, set_header, typed
from functions.gateway.envoy.routes import BUFFER
from functions.gateway.envoy.tls import downstream_tls
from functions.gateway.envoy.unproven import PerAddress, limit_filter

CONTROL_CLUSTER = "gateway-control"
"""The bootstrap's own cluster: the gateway app, reached with the control-plane secret."""
CONTROL_PLANE: Resource = {
    "resource_api_version": "V3",
    "api_config_source": {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": [CONTROL_CLUSTER],
        # Envoy waits up to twice as long (it adds a random part): what changes is live within some three seconds.
        "refresh_delay": "1s",
        "request_timeout": "2s",
    },
}
TRACES_PATH = "/gateway/otlp/v1/traces"
MAX_BODY_BYTES = 67_108_864
MAX_HEADERS, MAX_HEADERS_KIB = 85, 28
"""Services' hosts take 100 of 32 KiB (Kestrel's limits) and refuse others without a body; the edge adds some itself."""
_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_HTTP = "envoy.extensions.filters.http"
_FIRST_SEGMENT = {"name": PATH_HEADER, "element_separator": "/", "index": 1}


@dataclass(frozen=True)
class Entry:
    """How an Envoy instance lets requests in: what its listeners share.

    `header_timeout_s` and `request_timeout_s`: how long a client may take to send its headers, and all of its request.
    `per_address`: what one address may send that nobody is known to be behind.
    """

    per_address: PerAddress
    trace_percent: float = 1
    header_timeout_s: float = 10
    request_timeout_s: float = 60
    cors_origins: Sequence[str] = ()


def listener(name: str, host: str, port: int, entry: Entry, checks: Checks, *, tls: bool = False) -> Resource:
    """A listener at an address that the instance named; with `tls` its certificate is the secret CERTIFICATE."""
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        _HCM,
        **_connection(entry, checks),
        **_answers(entry.trace_percent),
        http_filters=_filters(entry, checks, tls=tls),
    )
    chain: Resource = {"filters": [manager]}
    return {
        "name": name,
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": 1_048_576,
        "filter_chains": [{**chain, **_encryption(entry)} if tls else chain],
    }


def _encryption(entry: Entry) -> Resource:
    return {
        "transport_socket": downstream_tls(CONTROL_PLANE),
        # One that connects and says nothing would keep its place until it counts as idle.
        "transport_socket_connect_timeout": seconds(entry.header_timeout_s),
    }


def _filters(entry: Entry, checks: Checks, *, tls: bool) -> list[Resource]:
    return [
        _headers(entry, checks, tls=tls),
        *cors_filter(entry.cors_origins),
        compression(),
        limit_filter(entry.per_address),
        exchange_filter(),
        *checks.filters(CONTROL_PLANE),
        # On for routes alone that lead to a service: what the edge answers itself waits for no body and keeps none.
        {**extension(BUFFER, f"{_HTTP}.buffer.v3.Buffer", max_request_bytes=MAX_BODY_BYTES), "disabled": True},
        extension(
            "envoy.filters.http.router",
            f"{_HTTP}.router.v3.Router",
            suppress_envoy_headers=True,
            dynamic_stats=False,  # counters by status and service; the access log and the services have them
        ),
    ]


def _connection(entry: Entry, checks: Checks) -> Resource:
    return {
        "stat_prefix": "edge",
        "server_name": "edge",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "max_request_headers_kb": MAX_HEADERS_KIB,
        "request_headers_timeout": seconds(entry.header_timeout_s),
        "request_timeout": seconds(entry.request_timeout_s),
        "stream_idle_timeout": "310s",
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            "max_headers_count": MAX_HEADERS,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        # A method that HTTP does not know is answered 405 like any other that is not routed.
        "http_protocol_options": {"allow_custom_methods": True},
        # Of Envoy's advice for what faces the internet (configuration best practices, edge).
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
        "early_header_mutation_extensions": [checks.early()],
        "scoped_routes": {
            "name": "edge",
            "scope_key_builder": {"fragments": [{"header_value_extractor": _FIRST_SEGMENT}]},
            "scoped_rds": {"scoped_rds_config_source": CONTROL_PLANE},
        },
    }


def _headers(entry: Entry, checks: Checks, *, tls: bool) -> Resource:
    # The body of a local reply is written without the span at hand, but with the request's headers.
    return extension(
        "envoy.filters.http.header_mutation",
        f"{_HTTP}.header_mutation.v3.HeaderMutation",
        mutations={
            "request_mutations": [set_header(TRACE_ID_HEADER, "%TRACE_ID%")],
            "response_mutations": [
                *checks.answer_fields(),
                *cors_fields(entry.cors_origins),
                *security_fields(tls=tls),
            ],
        },
    )


def _answers(trace_percent: float) -> Resource:
    return {
        "local_reply_config": local_reply_config(),
        "access_log": [_access_log()],
        "tracing": _tracing(trace_percent),
    }


def _tracing(percent: float) -> Resource:
    return {
        "provider": extension(
            "envoy.tracers.opentelemetry",
            "envoy.config.trace.v3.OpenTelemetryConfig",
            service_name="edge",
            http_service={
                "http_uri": {
                    "uri": f"http://{CONTROL_CLUSTER}{TRACES_PATH}",
                    "cluster": CONTROL_CLUSTER,
                    "timeout": "5s",
                }
            },
        ),
        "random_sampling": {"value": percent},
        "client_sampling": {"value": 100},
        # Nothing of the path goes into http.url: a query may carry a signature or a token.
        "max_path_tag_length": 0,
        "custom_tags": [
            {"tag": "platform.tenant", "request_header": {"name": access.TENANT_HEADER}},
            {"tag": "url.path", "value": "%PATH(NQ)%"},
        ],
    }


def _access_log() -> Resource:
    # The path goes without its query: a query may carry a signature or a token.
    line = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ)%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "durationMs": "%DURATION%",
        "bytesReceived": "%BYTES_RECEIVED%",
        "bytesSent": "%BYTES_SENT%",
        "route": "%ROUTE_NAME%",
        "service": "%UPSTREAM_CLUSTER%",
        "client": f"%REQ({access.CLIENT_HEADER})%",
        "tenant": f"%REQ({access.TENANT_HEADER})%",
        "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "requestId": "%REQ(X-REQUEST-ID)%",
        "traceId": "%TRACE_ID%",
    }
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": typed(
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={"json_format": line},
        ),
    }
