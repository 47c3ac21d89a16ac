"""The ASGI application of a host."""

import os
from pathlib import Path

from funchost.app_settings import expand
from funchost.errors import HostError
from funchost.host import Host
from funchost.host_json import HostJson
from funchost.http.app import HostApp
from funchost.http.keys import load_keys
from funchost.http.routes import Route, RouteTable, make_route
from funchost.http.streaming import StreamingTrigger
from funchost.http.trigger import DEFAULT_BODY_LIMIT_BYTES, HttpTrigger
from funchost.signature import takes_web_request

_BODY_LIMIT_SETTING = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"


def make_app(host: Host, host_json: HostJson, state_dir: Path) -> HostApp:
    """The app that serves the host's HTTP functions and its own endpoints. Raises HostError for a bad route."""
    keys = load_keys(state_dir) if _needs_keys(host) else None
    limit = _body_limit_bytes()
    routes: list[Route[HttpTrigger]] = []
    for function in host.http_functions():
        definition = function.definition
        trigger = definition.trigger
        template = expand(trigger.text("route", definition.name), where=definition.where)
        streams = takes_web_request(function.plan.trigger.python_type)
        answerer = (StreamingTrigger if streams else HttpTrigger)(function, host.invoker, keys, limit)
        methods = trigger.properties.get("methods") or []
        prefix = host_json.extensions.http.route_prefix
        routes.append(make_route(prefix, template, methods, answerer, where=definition.where))
    return HostApp(RouteTable(routes), host, keys, None if host.engine is None else host.engine.asgi)


def _body_limit_bytes() -> int:
    value = os.environ.get(_BODY_LIMIT_SETTING) or str(DEFAULT_BODY_LIMIT_BYTES)
    if not value.isascii() or not value.isdigit():
        where = f"setting {_BODY_LIMIT_SETTING}"
        raise HostError(f"{value!r} is not a number of bytes", where=where, remedy="Write for example 104857600.")
    return int(value)


def _needs_keys(host: Host) -> bool:
    levels = (f.definition.trigger.text("authLevel", "function").lower() for f in host.http_functions())
    guarded = host.engine is not None or "FUNCHOST_MASTER_KEY" in os.environ
    return guarded or any(level != "anonymous" for level in levels)
