import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.manifest import SERVICES, read_manifest
from chassis.settings import ROOT
from functions.gateway.manifests import Catalog, mistakes_at_the_edge
from tests.unit.functions.gateway.envoy.parts import manifest, route

GOOD = """
service: {service}
layer: platform
routes: [{{path: "{path}", methods: [GET], scope: {service}.read}}]
"""


def write(folder: Path, service: str, text: str, *, named: str | None = None) -> None:
    """Replace a service.yaml; each has another size or time than the one before it."""
    path = folder / service / "service.yaml"
    path.parent.mkdir(exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    if before:
        os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def good(service: str = "metadata", path: str = "/metadata/a") -> str:
    return GOOD.format(service=service, path=path)


def paths(catalog: Catalog) -> list[str]:
    return [found.path for one in catalog.manifests() for found in one.routes]


def test_services_come_in_the_platforms_order_and_those_without_a_file_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "metadata", good())
    write(tmp_path, "gateway", good("gateway", "/gateway/a"))
    assert [one.service for one in Catalog(tmp_path).manifests()] == ["gateway", "metadata"]


def test_a_changed_file_is_read_again_and_a_removed_one_is_forgotten(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    write(tmp_path, "metadata", good())
    assert paths(catalog) == ["/metadata/a"]
    write(tmp_path, "metadata", good(path="/metadata/b"))
    assert paths(catalog) == ["/metadata/b"]
    (tmp_path / "metadata" / "service.yaml").unlink()
    assert paths(catalog) == []


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "service: metadata",
        "routes: 1",
        good().replace("GET", "FETCH"),
        good(path="/metadata/{"),
        good(path="/metadata/../audit"),
        good(path="/metadata/{*rest}/more"),
        good().replace("service: metadata", "service: audit"),
        good().replace("scope: metadata.read", "public: true").replace("/metadata/a", "/v3/x"),
        good().replace("scope: metadata.read", "public: true").replace("/metadata/a", "/gateway/otlp"),
    ],
)
def test_a_bad_file_keeps_the_last_good_routes_and_is_named(tmp_path: Path, text: str) -> None:
    catalog = Catalog(tmp_path)
    write(tmp_path, "metadata", good())
    assert paths(catalog) == ["/metadata/a"]
    write(tmp_path, "metadata", text)
    assert paths(catalog) == ["/metadata/a"]
    (refused,) = catalog.refused()
    assert refused.service == "metadata"
    assert str(tmp_path) not in refused.reason
    write(tmp_path, "metadata", good(path="/metadata/c"))
    assert paths(catalog) == ["/metadata/c"]
    assert catalog.refused() == []


@pytest.mark.parametrize(
    ("added", "line"),
    [
        ('- {path: "/metadata/b", methods: [FETCH], scope: a.b}', 6),
        ('- path: "/metadata/b"\n    methods: [GET]\n    scope: a.b\n    timeoutSeconds: soon', 9),
        ('- {path: "/metadata/b", methods: [GET]}', 6),
        ('- {path: "/audit/b", methods: [GET], scope: a.b}', 6),
        ('- {path: "/metadata/../b", methods: [GET], scope: a.b}', 6),
        ('- {path: "/metadata/a", methods: [GET], scope: a.b}', 6),
        ('- {path: "/metadata/b", methods: [GET', 7),
        ('- {path: "/metadata/b", methods: [GET], scope: a.b, timeoutSeconds: 2026-02-31}', 6),
        ('- {path: "/metadata/b", methods: [GET], scope: a.b, maxBodyBytes: !!int many}', 6),
        ('- {path: "/metadata/b", methods: [GET], scope: a.b, idempotent: !!bool perhaps}', 6),
        (f'- {{path: "/metadata/b", methods: [GET], scope: a.b, maxBodyBytes: {"9" * 5000}}}', 6),
        ('- {path: "/audit/b", methods: [GET], public: true}', 6),
        ('- {path: "/client/b", methods: [GET], public: true}', 6),
    ],
)
def test_a_bad_route_is_refused_with_file_and_line_and_the_last_good_ones_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, added: str, line: int
) -> None:
    text = """
service: metadata
layer: platform
routes:
  - {path: "/metadata/a", methods: [GET], scope: metadata.read}
"""
    catalog = Catalog(tmp_path)
    write(tmp_path, "metadata", text)
    assert paths(catalog) == ["/metadata/a"]
    write(tmp_path, "metadata", f"{text}  {added}\n")
    assert paths(catalog) == ["/metadata/a"]
    (refused,) = catalog.refused()
    assert (refused.service, refused.file, refused.line) == ("metadata", "metadata/service.yaml", line)
    assert f"line {line}" in refused.reason
    assert f"metadata/service.yaml:{line} refused" in caplog.text


@pytest.mark.parametrize(
    "text", ["{", "[" * 5000, "a: " * 2 + "{a: " * 3000, "layer: 2026-02-31", "service: !!int many"]
)
def test_a_service_that_was_never_good_does_not_stop_the_others(tmp_path: Path, text: str) -> None:
    write(tmp_path, "metadata", text)
    write(tmp_path, "audit", good("audit", "/audit/a"))
    catalog = Catalog(tmp_path)
    assert paths(catalog) == ["/audit/a"]
    assert [refused.service for refused in catalog.refused()] == ["metadata"]


def test_a_path_of_another_service_or_twice_is_a_mistake() -> None:
    other = {"audit": manifest("audit", route("/docs", public=True))}
    taken = manifest("metadata", route("/docs", public=True))
    assert ["is another service's" in one for _, one in mistakes_at_the_edge("metadata", taken, other)] == [True]
    twice = manifest("metadata", route("/metadata/a"), route("/metadata/a", "PUT", "GET"))
    assert ["routed twice" in one for _, one in mistakes_at_the_edge("metadata", twice, {})] == [True]


@given(text=st.text(st.sampled_from("ab01-+.:{}[]!&*#|>%@'\"?,~=<_ \n\te"), max_size=80))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_used_or_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "metadata", text)
    catalog = Catalog(tmp_path)
    assert len(catalog.manifests()) + len(catalog.refused()) == 1


def test_a_path_of_another_service_is_never_taken_by_one_that_is_read_before_it(tmp_path: Path) -> None:
    thief = good().replace("scope: metadata.read", "public: true").replace("/metadata/a", "/audit/a")
    write(tmp_path, "metadata", thief)
    write(tmp_path, "audit", good("audit", "/audit/a"))
    catalog = Catalog(tmp_path)
    assert [one.service for one in catalog.manifests()] == ["audit"]
    assert [refused.service for refused in catalog.refused()] == ["metadata"]


def test_two_paths_that_differ_in_their_parameters_names_alone_are_one_path_twice() -> None:
    twice = manifest("metadata", route("/metadata/{a}"), route("/metadata/{b}", scope="metadata.write"))
    assert ["routed twice" in one for _, one in mistakes_at_the_edge("metadata", twice, {})] == [True]
    other = manifest("metadata", route("/metadata/{a}"), route("/metadata/{b}", "PUT"), route("/metadata/{*a}"))
    assert list(mistakes_at_the_edge("metadata", other, {})) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_of_this_platform_has_no_mistake_at_the_edge(service: str) -> None:
    path = ROOT / "functions" / service / "service.yaml"
    if not path.is_file():
        pytest.skip("no service.yaml yet")
    assert list(mistakes_at_the_edge(service, read_manifest(path), {})) == []
