"""Manifests and look-ups for the tests of the edge's configuration."""

from collections.abc import Iterator
from typing import Any

from chassis.manifest import ServiceManifest


def manifest(service: str = "metadata", *routes: dict[str, Any], **fields: Any) -> ServiceManifest:
    return ServiceManifest.model_validate({"service": service, "layer": "platform", "routes": list(routes), **fields})


def route(path: str = "/metadata/schemas/{name}", *methods: str, **fields: Any) -> dict[str, Any]:
    access = {} if "public" in fields else {"scope": "metadata.read"}
    return {"path": path, "methods": list(methods or ("GET",)), **access, **fields}


def walk(value: Any) -> Iterator[Any]:
    """Every value in a JSON document, outermost first."""
    yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from walk(item)
