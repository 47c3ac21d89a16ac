import itertools

import pytest

from funchost.errors import HostError
from funchost.http.routes import Route, RouteTable, make_route

_TEMPLATES = ("items/all", "items/{id:int}", "items/{id}", "items/{*rest}", "{*rest}")


def _route(template: str, *methods: str, prefix: str = "api") -> Route[str]:
    return make_route(prefix, template, methods, template, where="f")


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(_TEMPLATES)))))
def test_the_most_specific_route_wins_in_whatever_order_they_are_declared(order: tuple[int, ...]) -> None:
    table = RouteTable([_route(_TEMPLATES[i]) for i in order])
    found = {path: table.find("GET", f"/api/{path}") for path in ("items/all", "items/7", "items/x", "items/x/y", "z")}
    assert [match[0] if match else None for match in found.values()] == list(_TEMPLATES)


def test_methods_choose_between_routes_of_one_template() -> None:
    table = RouteTable([make_route("", "a/{id}", [m], m, where="f") for m in ("get", "PUT")])
    assert table.find("PUT", "/a/1") == ("PUT", {"id": "1"})
    assert table.find("GET", "/a/1") == ("get", {"id": "1"})
    assert table.find("DELETE", "/a/1") is None


def test_a_route_without_methods_takes_them_all() -> None:
    table = RouteTable([_route("hello")])
    assert all(table.find(method, "/api/hello") for method in ("GET", "POST", "PATCH", "OPTIONS"))


def test_trailing_slash_and_letter_case_do_not_matter() -> None:
    table = RouteTable([_route("Hello")])
    assert table.find("GET", "/API/hello/") == ("Hello", {})


def test_the_prefix_may_be_empty_or_have_slashes() -> None:
    assert RouteTable([_route("a", prefix="")]).find("GET", "/a")
    assert RouteTable([_route("a", prefix="/v1/api/")]).find("GET", "/v1/api/a")


@pytest.mark.parametrize("template", ["admin/x", "runtime", "Admin"])
def test_names_of_the_host_are_reserved(template: str) -> None:
    with pytest.raises(HostError, match="keeps for itself"):
        _route(template, prefix="")


def test_a_malformed_route_names_its_function() -> None:
    with pytest.raises(HostError) as caught:
        make_route("api", "a/{id", [], "f", where="function f")
    assert caught.value.where == "function f"


@pytest.mark.parametrize(
    ("one", "other"), [(["GET"], ["get", "PUT"]), ([], ["POST"]), ([], [])], ids=["one method", "all and one", "all"]
)
def test_two_functions_with_one_path_and_method_are_refused_with_both_places(one: list[str], other: list[str]) -> None:
    first = make_route("api", "Items/{id}", one, "f", where="app.py:3, function f")
    second = make_route("api", "/items/{ID}/", other, "g", where="app.py:7, function g")
    with pytest.raises(HostError) as caught:
        RouteTable([first, second])
    assert caught.value.where == "app.py:3, function f and app.py:7, function g"


def test_templates_that_only_overlap_are_no_conflict() -> None:
    assert RouteTable([_route("a/{id}"), _route("a/{name}")]).find("GET", "/api/a/1") == ("a/{id}", {"id": "1"})
