"""Who may do what, by three sources that have to agree: the merged document, the services' manifests, the edge."""

import re
from collections.abc import Mapping

import httpx
import pytest

from chassis.manifest import read_manifests
from chassis.settings import Settings
from local.platform import Platform

Operation = tuple[str, str]
"""Method and path template, its parameters unnamed."""

SCOPE = "monitoring.read"
NOT_DOCUMENTED = re.compile(r"/docs|/client|/\w+/openapi\.json|/monitoring/metrics$|/identity/(login|oauth2/authorize)")
"""Pages, WebSockets, the documents themselves, Prometheus' own format."""


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.fixture(scope="module")
def documented(platform: Platform) -> Mapping[Operation, str | None]:
    """The scope of each operation in the merged document; None where it is public."""
    document = httpx.get(f"{platform.edge_url}/gateway/openapi.json").json()
    assert document["x-unavailable"] == []
    found: dict[Operation, str | None] = {}
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "head", "post", "put", "patch", "delete"}:
            scopes = [scope for one in item[method]["security"] for scope in one.get("platform", [])]
            assert len(scopes) <= 1
            found[method.upper(), shape(path)] = scopes[0] if scopes else None
    return found


def test_the_document_names_the_scope_that_the_manifest_asks_for(documented: Mapping[Operation, str | None]) -> None:
    routed = {
        (method, shape(route.path)): route.scope
        for manifest in read_manifests(Settings().manifests_dir).values()
        for route in manifest.routes
        for method in route.methods
    }
    assert documented == {operation: routed.get(operation) for operation in documented}
    missing = [path for method, path in routed.keys() - documented.keys() if not NOT_DOCUMENTED.match(path)]
    assert missing == []


def test_the_edge_asks_for_the_scope_that_the_document_names(
    platform: Platform, documented: Mapping[Operation, str | None]
) -> None:
    demo = platform.demo_client
    answer = httpx.post(
        f"{platform.edge_url}/identity/oauth2/token",
        data={"grant_type": "client_credentials", "scope": SCOPE},
        auth=(demo.id, demo.secret.get_secret_value()),
    )
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    with httpx.Client(base_url=platform.edge_url) as client:
        for (method, path), scope in documented.items():
            url = path.replace("{}", "nothing")
            refused_without = refusal(client.request(method, url))
            refused_with = refusal(client.request(method, url, headers=bearer))
            assert (method, path, refused_without) == (method, path, None if scope is None else "unauthorized")
            assert (method, path, refused_with) == (method, path, None if scope in (None, SCOPE) else "forbidden")


def refusal(answer: httpx.Response) -> str | None:
    """Why the edge itself has refused it; None where the service has answered."""
    if answer.headers.get("content-type") != "application/problem+json":
        return None
    edge, _, code = str(answer.json()["type"]).rpartition(":")
    return code if edge == "urn:problem:gateway" and answer.status_code in (401, 403) else None
