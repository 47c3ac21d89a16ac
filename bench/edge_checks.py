"""The edge's checks without what the edge does besides them, from gateway's own configuration.

`named`: token, scope, limits per tenant and client, routing among all services' routes, and nothing else. `hardened`:
with what keeps connections and services well, too: limits and time limits of headers and body, path normalization, the
client's address, API keys, retries, deadlines. Trace, access log, gzip and the fields of answers are left out of both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import httpx
import orjson

from bench.envoys import HOST
from chassis.manifest import read_manifests
from chassis.settings import Settings
from functions.gateway.composition import JWKS_PATH
from functions.gateway.envoy import api_keys, unproven
from functions.gateway.envoy.clusters import cluster, instances
from functions.gateway.envoy.discovery import Layout, Node, resources
from functions.gateway.envoy.listener import CONTROL_CLUSTER
from functions.gateway.envoy.rate_limits import LOCAL_CLUSTER
from local.edge import envoy_command
from local.platform import Platform

Json = dict[str, Any]
Kind = Literal["named", "hardened"]
LEFT_OUT = ("envoy.filters.http.header_mutation", "envoy.filters.http.compressor")
NOT_NAMED = ("envoy.filters.http.buffer", "envoy.filters.http.ext_authz", unproven.FILTER)
NAMED_SETTINGS = ("@type", "stat_prefix", "scoped_routes", "early_header_mutation_extensions", "http_filters")
"""What stays of the connection manager's settings with `named`; all others are Envoy's defaults then."""


def checks_command(
    file: Path, port: int, platform: Platform, manifests: Path, kind: Kind, module: Path | None
) -> tuple[str, ...]:
    """An Envoy with one worker at the port, with a module or without; keys come from the platform's identity."""
    settings = Settings(
        service_urls=dict(platform.urls),
        edge_url=platform.edge_url,
        issuer=f"{platform.edge_url}/identity",
        signalr_connection=f"Endpoint={platform.urls['metadata']};AccessKey=none;Version=1.0;",
    )
    keys = httpx.get(f"{platform.urls['identity']}{JWKS_PATH}").json()
    layout = Layout(list(read_manifests(manifests).values()), settings, keys=keys)
    said = {"edgeHost": HOST, "edgePort": port, "edgeModule": str(module or "")}
    node = Node.model_validate({"id": "checks", "metadata": said})
    (listener,) = resources("listeners", node, layout)
    scopes = resources("scoped-routes", node, layout)
    _leave_out(listener, scopes, resources("extension_configs", node, layout))
    if kind == "named":
        _leave_named(listener, scopes)
    clusters = [
        # No key is sent here, and there is no secret to exchange one with.
        *(found for found in resources("clusters", node, layout) if found["name"] != api_keys.CLUSTER),
        cluster(CONTROL_CLUSTER, platform.urls["gateway"], "/gateway/health/live"),
        {"name": LOCAL_CLUSTER, "type": "STATIC", "load_assignment": instances(["checks"])},
    ]
    bootstrap = {
        "node": {"id": "checks", "cluster": "edge"},
        "cluster_manager": {"local_cluster_name": LOCAL_CLUSTER},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }
    file.write_bytes(orjson.dumps(bootstrap))
    return envoy_command(file)


def _leave_out(listener: Json, scopes: Sequence[Json], filters: Sequence[Json]) -> None:
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    for part in ("tracing", "access_log"):
        del manager[part]
    own = {found["name"]: found for found in filters}
    kept = [found for found in manager["http_filters"] if found["name"] not in LEFT_OUT]
    manager["http_filters"] = [_with_its_own(found, own) for found in kept]
    del manager["scoped_routes"]["scoped_rds"]
    manager["scoped_routes"]["scoped_route_configurations_list"] = {"scoped_route_configurations": list(scopes)}


def _leave_named(listener: Json, scopes: Sequence[Json]) -> None:
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    for setting in manager.keys() - set(NAMED_SETTINGS):
        del manager[setting]
    manager["http_filters"] = [found for found in manager["http_filters"] if found["name"] not in NOT_NAMED]
    for scope in scopes:
        for host in scope["route_configuration"]["virtual_hosts"]:
            host["routes"] = [route for route in host["routes"] if "API key" not in route.get("name", "")]
            for route in host["routes"]:
                route.get("route", {}).pop("retry_policy", None)
                route.pop("request_headers_to_add", None)
                for name in NOT_NAMED:
                    route["typed_per_filter_config"].pop(name, None)


def _with_its_own(found: Json, own: Mapping[str, Json]) -> Json:
    """A filter with the configuration that it would fetch."""
    if found["name"] not in own:
        return found
    return {key: value for key, value in found.items() if key != "config_discovery"} | own[found["name"]]
