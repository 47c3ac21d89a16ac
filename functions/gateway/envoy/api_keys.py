"""API keys at the edge: a request with `x-api-key` gets its owner's token before the token is checked.

Only such a request meets this filter. To all others it is off and costs nothing.
"""

from functions.gateway.envoy.clusters import HTTP_OPTIONS, cluster
from functions.gateway.envoy.resource import Resource, extension, typed

FILTER = "envoy.filters.http.ext_authz"
HEADER = "x-api-key"
EXCHANGE_PATH = "/v3/exchange"
"""Where the gateway app takes keys; the path of the request follows it."""
CLUSTER = "gateway-keys"
"""The gateway app again, as the filter asks it: with the control-plane secret, and not without end."""
MAX_AT_ONCE = 64
"""So many requests with a key wait for the gateway app at once, of one Envoy; more get 503."""
_HTTP = "envoy.extensions.filters.http"
_MESSAGE = "envoy.extensions.filters.http.ext_authz.v3"


def exchange_filter() -> Resource:
    """Ask the gateway app; its 200 has the Authorization header that goes on, all else is the client's answer."""
    found = extension(
        FILTER,
        f"{_MESSAGE}.ExtAuthz",
        transport_api_version="V3",
        http_service={
            "server_uri": {"uri": "http://gateway", "cluster": CLUSTER, "timeout": "2s"},
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


def exchange_cluster(base_url: str) -> Resource:
    """Where keys are exchanged: apart from what else the gateway app is asked, which no flood of keys keeps from it."""
    found = cluster(CLUSTER, base_url, "/gateway/health/live")
    at_once = {"priority": "DEFAULT", "max_requests": MAX_AT_ONCE, "max_pending_requests": MAX_AT_ONCE}
    found["circuit_breakers"] = {"thresholds": [at_once]}
    found["typed_extension_protocol_options"][HTTP_OPTIONS]["http_filters"] = [
        _secret(),
        extension("envoy.filters.http.upstream_codec", f"{_HTTP}.upstream_codec.v3.UpstreamCodec"),
    ]
    return found


def _secret() -> Resource:
    generic = "envoy.extensions.http.injected_credentials.generic.v3.Generic"
    credential = {"header": "x-platform-control", "credential": {"name": "control-secret"}}
    return extension(
        "envoy.filters.http.credential_injector",
        f"{_HTTP}.credential_injector.v3.CredentialInjector",
        overwrite=True,
        credential=extension("envoy.http.injected_credentials.generic", generic, **credential),
    )
