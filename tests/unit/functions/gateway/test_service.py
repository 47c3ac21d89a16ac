from pathlib import Path
from typing import Any

import pytest

from chassis.errors import DependencyUnavailable
from chassis.settings import Settings
from functions.gateway.manifests import Catalog
from functions.gateway.openapi import Document
from functions.gateway.service import FRESH_FOR_S, Gateway
from functions.gateway.watch import Watch

MANIFEST = """
service: {0}
layer: platform
routes:
  - {{path: "/{0}/things/{{name}}", methods: [GET], scope: {0}.read}}
  - {{path: "/{0}/health/live", methods: [GET], public: true}}
rateLimit: {{requestsPerSecond: 5, burst: 9}}
"""


class Stored:
    """Nothing is stored."""


class Documents:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.odd: dict[str, Any] = {}

    async def fetch(self, service: str) -> Document:
        self.asked.append(service)
        if service in self.down:
            raise DependencyUnavailable(service)
        if service in self.odd:
            odd: Document = self.odd[service]
            return odd
        return {"paths": {f"/{service}/things/{{id}}": {"get": {}}}}


async def keys() -> Document:
    return {"keys": []}


def gateway(folder: Path, documents: Documents, clock: list[float]) -> Gateway:
    for service in ("metadata", "audit"):
        (folder / service).mkdir()
        (folder / service / "service.yaml").write_text(MANIFEST.format(service))
    watch = Watch(Stored(), Stored())  # type: ignore[arg-type]
    settings = Settings(manifests_dir=folder)
    return Gateway(settings, Catalog(folder), documents.fetch, keys, "1", watch, now=lambda: clock[0])


async def test_a_service_that_is_down_is_left_out_until_it_is_back(tmp_path: Path) -> None:
    documents, clock = Documents(), [0.0]
    documents.down = {"audit"}
    subject = gateway(tmp_path, documents, clock)
    first = await subject.openapi()
    assert (list(first["paths"]), first["x-unavailable"]) == (["/metadata/things/{id}"], ["audit"])
    documents.down = set()
    assert (await subject.openapi())["x-unavailable"] == ["audit"]
    clock[0] += FRESH_FOR_S + 1
    assert (await subject.openapi())["x-unavailable"] == []


@pytest.mark.parametrize(
    "odd",
    [
        {"paths": []},
        {"paths": None},
        {"paths": {"/audit/things/{id}": None}},
        {"paths": {"/audit/things/{id}": {"get": []}}},
        {"components": None},
        {"components": {"schemas": []}},
        {"components": {"responses": []}},
        {"paths": {}, "components": "none"},
        [],
    ],
)
async def test_a_document_that_is_none_leaves_the_others_as_they_are(tmp_path: Path, odd: Any) -> None:
    documents = Documents()
    documents.odd["audit"] = odd
    found = await gateway(tmp_path, documents, [0.0]).openapi()
    assert (list(found["paths"]), found["x-unavailable"]) == (["/metadata/things/{id}"], ["audit"])


async def test_services_are_asked_once_while_the_document_is_fresh(tmp_path: Path) -> None:
    documents = Documents()
    subject = gateway(tmp_path, documents, [0.0])
    await subject.openapi()
    await subject.openapi()
    assert sorted(documents.asked) == ["audit", "metadata"]


def test_the_list_of_routes_tells_scope_and_limits_and_what_was_refused(tmp_path: Path) -> None:
    subject = gateway(tmp_path, Documents(), [0.0])
    (tmp_path / "reporting").mkdir()
    (tmp_path / "reporting" / "service.yaml").write_text("{")
    found = subject.routes()
    by_path = {item.path: item for item in found.items}
    assert by_path["/metadata/things/{name}"].scope == "metadata.read"
    assert by_path["/metadata/health/live"].scope is None
    assert by_path["/metadata/health/live"].rate_limit.burst == 9
    assert [refused.service for refused in found.refused] == ["reporting"]
