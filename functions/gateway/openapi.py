"""One OpenAPI document of all services, with only what the edge routes and with the scope of each operation."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.manifest import Route, ServiceManifest
from functions.gateway.envoy.paths import specificity

Document = dict[str, Any]
"""An OpenAPI 3.1 document, or a part of one, as JSON values."""

SECURITY_SCHEME = "platform"
API_KEY_SCHEME = "apiKey"
METHODS = ("get", "head", "post", "put", "patch", "delete")
_OF_SERVICES = ("schemas", "responses")
_COMPONENT = re.compile(f"#/components/({'|'.join(_OF_SERVICES)})/")
_PARAMETER = re.compile(r"\{[^}]*\}")


def merge(
    documents: Mapping[str, Document], manifests: Sequence[ServiceManifest], *, edge_url: str, version: str
) -> Document:
    """The platform's document. Services without a document are left out and named in `x-unavailable`.

    Names of schemas and responses and operation ids get the service's name in front, so that two services' never meet.
    """
    paths: Document = {}
    components: dict[str, Document] = {kind: {} for kind in _OF_SERVICES}
    for manifest in manifests:
        document = documents.get(manifest.service)
        if document is None:
            continue
        own = _renamed(document, manifest.service)
        paths |= _routed_paths(own, manifest)
        for kind, of_all in components.items():
            found = own.get("components", {}).get(kind, {})
            of_all |= {f"{manifest.service}.{name}": component for name, component in found.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Enterprise platform", "version": version},
        "servers": [{"url": edge_url}],
        "paths": dict(sorted(paths.items())),
        "components": {
            **{kind: dict(sorted(of_all.items())) for kind, of_all in components.items()},
            "securitySchemes": _security(manifests),
        },
        "x-unavailable": [manifest.service for manifest in manifests if manifest.service not in documents],
    }


def is_mergeable(document: Any) -> bool:
    """Whether what a service has sent has the form of an OpenAPI document, as far as `merge` reads it."""
    if not isinstance(document, dict):
        return False
    components, paths = document.get("components", {}), document.get("paths", {})
    if not (isinstance(components, dict) and isinstance(paths, dict)):
        return False
    if not all(isinstance(components.get(kind, {}), dict) for kind in _OF_SERVICES):
        return False
    return all(
        isinstance(item, dict) and all(isinstance(item.get(method, {}), dict) for method in METHODS)
        for item in paths.values()
    )


def _routed_paths(document: Document, manifest: ServiceManifest) -> Document:
    # Of routes of one shape the most specific, last here, is what the edge tries first.
    routes = sorted(manifest.routes, key=lambda route: specificity(route.path), reverse=True)
    routed = {(_shape(route.path), method.lower()): route for route in routes for method in route.methods}
    paths: Document = {}
    for path, item in document.get("paths", {}).items():
        kept = {
            method: _operation(item[method], manifest.service, routed[_shape(path), method])
            for method in METHODS
            if method in item and (_shape(path), method) in routed
        }
        if kept:
            paths[path] = {**{key: value for key, value in item.items() if key not in METHODS}, **kept}
    return paths


def _operation(operation: Document, service: str, route: Route) -> Document:
    named = dict(operation)
    if "operationId" in named:
        named["operationId"] = f"{service}_{named['operationId']}"
    named["tags"] = [service]
    named["security"] = [{SECURITY_SCHEME: [route.scope]}, {API_KEY_SCHEME: []}] if route.scope else []
    return named


def _security(manifests: Iterable[ServiceManifest]) -> Document:
    scopes = sorted({route.scope for manifest in manifests for route in manifest.routes if route.scope})
    flow = {"tokenUrl": "/identity/oauth2/token", "scopes": dict.fromkeys(scopes, "")}
    return {
        SECURITY_SCHEME: {"type": "oauth2", "flows": {"clientCredentials": flow}},
        API_KEY_SCHEME: {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }


def _renamed(value: Any, service: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, service) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, service) for item in value]
    if isinstance(value, str) and (found := _COMPONENT.match(value)):
        return f"{found[0]}{service}.{value[found.end() :]}"
    return value


def _shape(path: str) -> str:
    """A template without the names of its parameters."""
    return _PARAMETER.sub("{}", path)
