"""service.yaml says what the code does."""

import re
from pathlib import Path

from fastapi import FastAPI

from chassis.manifest import read_manifest
from durable.workflow.catalog import CATALOG
from functions.workflow import api

MANIFEST = read_manifest(Path(api.__file__).with_name("service.yaml"))


def test_every_route_of_the_api_is_declared() -> None:
    declared = {(method, shape(route.path)) for route in MANIFEST.routes for method in route.methods}
    app = FastAPI()
    app.include_router(api.router)
    served = {(method.upper(), shape(path)) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert len(served) > 8
    assert served <= declared


def shape(path: str) -> str:
    """The path with its parameters' names left out."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_every_service_that_the_catalog_asks_is_declared() -> None:
    asked = {function.service for function in CATALOG.values() if function.how in ("ask", "start")}
    assert asked == set(MANIFEST.calls)
