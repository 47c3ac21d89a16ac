"""Proxies with a fixed configuration: an upstream that answers at once, and a proxy that does nothing but pass on."""

from pathlib import Path
from typing import Any

import orjson

from local.edge import envoy_command

Json = dict[str, Any]
HOST = "127.0.0.1"
_TYPE = "type.googleapis.com/"
_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = "envoy.extensions.filters.http.router.v3.Router"
ANSWER = '{"answer":"' + "x" * 100 + '"}'


def upstream_command(file: Path, ports: list[int]) -> tuple[str, ...]:
    """Answers every request to any of the ports with the same small JSON."""
    answer = {"direct_response": {"status": 200, "body": {"inline_string": ANSWER}}}
    return _command(file, [_listener(port, answer) for port in ports], [])


def proxy_command(file: Path, port: int, upstream_port: int) -> tuple[str, ...]:
    """Passes every request on to the upstream, as bare as Envoy goes."""
    endpoint = {"endpoint": {"address": _address(upstream_port)}}
    cluster = {
        "name": "upstream",
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return _command(file, [_listener(port, {"route": {"cluster": "upstream"}})], [cluster])


def nginx_command(nginx: str, folder: Path, port: int, upstream_port: int) -> tuple[str, ...]:
    """The same with nginx, one worker, kept-alive connections to the upstream."""
    server = f"""
    listen {HOST}:{port}; keepalive_requests 1000000000;
    location / {{ proxy_pass http://upstream; proxy_http_version 1.1; proxy_set_header Connection ""; }}"""
    proxy = f"upstream upstream {{ server {HOST}:{upstream_port}; keepalive 64; }} server {{ {server} }}"
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;"
        f"events {{ worker_connections 4096; }} http {{ access_log off; {proxy} }}"
    )
    return (nginx, "-e", f"{folder}/nginx-error.log", "-c", str(folder / "nginx.conf"))


def _command(file: Path, listeners: list[Json], clusters: list[Json]) -> tuple[str, ...]:
    file.write_bytes(orjson.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}}))
    return envoy_command(file)


def _listener(port: int, action: Json) -> Json:
    manager = {
        "@type": _TYPE + _HCM,
        "stat_prefix": f"p{port}",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}]
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _TYPE + _ROUTER}}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": f"p{port}", "address": _address(port), "filter_chains": [{"filters": filters}]}


def _address(port: int) -> Json:
    return {"socket_address": {"address": HOST, "port_value": port}}
