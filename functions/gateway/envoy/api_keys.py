"""API keys at the edge: a request with `x-api-key` gets its owner's token before the token is checked.

Only such a request meets this filter. To all others it is off and costs nothing.
"""

from functions.gateway.envoy.resource import Resource, extension, typed

FILTER = "envoy.filters.http.ext_authz"
HEADER = "x-api-key"
EXCHANGE_PATH = "/v3/exchange"
"""Where the gateway app takes keys; the path of the request follows it."""
_MESSAGE = "envoy.extensions.filters.http.ext_authz.v3"


def exchange_filter(cluster: str) -> Resource:
    """Ask the gateway app; its 200 has the Authorization header that goes on, all else is the client's answer."""
    found = extension(
        FILTER,
        f"{_MESSAGE}.ExtAuthz",
        transport_api_version="V3",
        http_service={
            "server_uri": {"uri": "http://gateway", "cluster": cluster, "timeout": "2s"},
            "path_prefix": EXCHANGE_PATH,
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"exact": "authorization"}]},
                "allowed_client_headers": {"patterns": [{"exact": "content-type"}, {"exact": "www-authenticate"}]},
            },
        },
        allowed_headers={"patterns": [{"exact": HEADER}]},
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
    )
    return {**found, "disabled": True}


def exchanged() -> Resource:
    """A route's configuration: the filter is on."""
    return {FILTER: typed(f"{_MESSAGE}.ExtAuthzPerRoute", check_settings={})}


def has_key() -> Resource:
    """A header matcher: the request has an API key."""
    return {"name": HEADER, "present_match": True}


def without_key() -> Resource:
    """A header matcher: the request has none."""
    return {**has_key(), "invert_match": True}
