"""A method that a path does not have is refused at the edge as straight at the service: 405, with those it has."""

import re

import httpx
import pytest

from chassis.manifest import read_manifests
from chassis.settings import ROOT
from local.platform import Platform

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ELSEWHERE = re.compile("/docs(/.*)?|/[.]well-known/.*|/client/.*")
"""Triggers for one method, of which the host of functions has nothing to say to another (404); and the hub's."""


def allowed() -> dict[str, set[str]]:
    """The methods that manifests name, by service and path, each parameter filled in."""
    found: dict[str, set[str]] = {}
    for manifest in read_manifests(ROOT / "functions").values():
        for route in manifest.routes:
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            found.setdefault(path, set()).update(route.methods)
    return found


ALLOWED = allowed()


def refused(url: str, path: str, *methods: str) -> None:
    with httpx.Client(base_url=url) as client:
        for method in sorted(set(methods) - ALLOWED[path]):
            answer = client.request(method, path)
            assert answer.status_code == 405, (method, answer.text)
            named = set(answer.headers["allow"].split(", ")) - {"HEAD"}  # which services have for their document
            assert named == ALLOWED[path], method
            assert answer.headers["content-type"] == "application/problem+json", method
            if method != "HEAD":
                assert answer.json()["status"] == 405


@pytest.mark.parametrize("path", ALLOWED)
def test_the_edge_refuses_another_method_and_names_those_of_the_path(platform: Platform, path: str) -> None:
    refused(platform.edge_url, path, *METHODS, "HEAD", "TRACE")


@pytest.mark.parametrize("path", [path for path in ALLOWED if not ELSEWHERE.fullmatch(path)])
def test_so_does_the_service_itself(platform: Platform, path: str) -> None:
    refused(platform.urls[path.split("/")[1]], path, *METHODS)
