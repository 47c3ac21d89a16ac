"""What browsers need and are told: CORS by an allow-list of origins, and headers that keep pages apart."""

from collections.abc import Sequence

from functions.gateway.envoy.resource import Resource, extension, set_header, typed

CORS = "envoy.filters.http.cors"
ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = (
    "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-api-key, x-requested-with"
)
_LIMITS = "ratelimit, ratelimit-policy, retry-after"
EXPOSED_HEADERS = f"allow, content-disposition, etag, location, {_LIMITS}, www-authenticate, x-request-id"
_MESSAGE = "envoy.extensions.filters.http.cors.v3"
_ONE_YEAR_S = 31_536_000


def cors_filter(origins: Sequence[str]) -> list[Resource]:
    """The filter that answers preflights; none while no origin is allowed."""
    return [extension(CORS, f"{_MESSAGE}.Cors")] if origins else []


def cors_policy(origins: Sequence[str]) -> Resource:
    """A virtual host's configuration of it. Tokens travel in a header, so credentials (cookies) are never allowed."""
    if not origins:
        return {}
    policy = typed(
        f"{_MESSAGE}.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in origins],
        allow_methods=ALLOWED_METHODS,
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age="600",
        allow_credentials=False,
    )
    return {CORS: policy}


def cors_fields(origins: Sequence[str]) -> list[Resource]:
    """Response mutations: what is answered to one origin is not what a cache may give to another (Fetch, CORS)."""
    varies = {"header": {"key": "vary", "value": "origin"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return [{"append": varies}] if origins else []


def preflights(service: str, origins: Sequence[str]) -> list[Resource]:
    """The route on which the filter answers preflights: it takes none that leads to a direct response.

    It says nothing of who may pass: a preflight of another origin goes on to the scope check and is denied there.
    """
    is_preflight = [
        {"name": ":method", "string_match": {"exact": "OPTIONS"}},
        {"name": "access-control-request-method", "present_match": True},
    ]
    route = {"match": {"prefix": "/", "headers": is_preflight}, "route": {"cluster": service}}
    return [route] if origins else []


def security_fields(*, tls: bool) -> list[Resource]:
    """Response mutations. A service's own Content-Security-Policy stays: a page needs a wider one than data does."""
    policy = {"key": "content-security-policy", "value": "default-src 'none'; frame-ancestors 'none'"}
    fields = [
        set_header("x-content-type-options", "nosniff"),
        {"append": {"header": policy, "append_action": "ADD_IF_ABSENT"}},
    ]
    # RFC 6797 section 7.2: never over plain HTTP.
    return [*fields, set_header("strict-transport-security", f"max-age={_ONE_YEAR_S}")] if tls else fields


def compression() -> Resource:
    """gzip for text that is worth it, when the client takes it. What has a strong ETag goes as it is."""
    return extension(
        "envoy.filters.http.compressor",
        "envoy.extensions.filters.http.compressor.v3.Compressor",
        compressor_library=extension(
            "gzip", "envoy.extensions.compression.gzip.compressor.v3.Gzip", compression_level="COMPRESSION_LEVEL_4"
        ),
        response_direction_config={
            "common_config": {
                "min_content_length": 1024,
                "content_type": [
                    "application/json",
                    "application/problem+json",
                    "application/javascript",
                    "image/svg+xml",
                    "text/css",
                    "text/csv",
                    "text/html",
                    "text/javascript",
                    "text/plain",
                ],
            },
            "disable_on_etag_header": True,
        },
    )
