import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.http.templates import parse_route

_SEGMENT = st.text(st.characters(whitelist_categories=("Ll", "Nd"), max_codepoint=127), min_size=1, max_size=8)


@given(st.lists(_SEGMENT, min_size=1, max_size=4))
def test_literal_routes_match_themselves_in_any_case(segments: list[str]) -> None:
    path = "/".join(segments)
    template = parse_route(path)
    assert template.literal == path
    assert template.match(path.upper()) == {}
    assert template.match(path + "/more") is None


@given(_SEGMENT, _SEGMENT)
def test_parameters_take_one_segment(first: str, second: str) -> None:
    template = parse_route("items/{id}/parts/{part}")
    assert template.match(f"items/{first}/parts/{second}") == {"id": first, "part": second}
    assert template.match(f"items/{first}/x/parts/{second}") is None


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("a/{id?}", "a", {}),
        ("a/{id?}", "a/1", {"id": "1"}),
        ("a/{id=5}", "a", {"id": "5"}),
        ("a/{*rest}", "a", {}),
        ("a/{*rest}", "a/b/c.d", {"rest": "b/c.d"}),
        ("a/{**rest}", "a/b/c", {"rest": "b/c"}),
        ("{*path}", "", {}),
        ("{*path}", "x/y", {"path": "x/y"}),
        ("files/{name}.{ext}", "files/report.pdf", {"name": "report", "ext": "pdf"}),
        ("v{version:int}/x", "v12/x", {"version": "12"}),
        ("{category:alpha}/{id:int?}", "books", {"category": "books"}),
    ],
)
def test_templates_of_every_kind(template: str, path: str, values: dict[str, str]) -> None:
    assert parse_route(template).match(path) == values


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", "-5", "5.0"),
        ("int", "2147483647", "2147483648"),
        ("long", "2147483648", "x"),
        ("bool", "True", "1"),
        ("alpha", "abc", "a1"),
        ("guid", "cd2c1638-1638-72d5-1638-deadbeef1638", "cd2c"),
        ("double", "1.5e3", "x"),
        ("datetime", "2026-11-23", "yesterday"),
        ("length(3)", "abc", "ab"),
        ("length(2,3)", "ab", "abcd"),
        ("minlength(2)", "ab", "a"),
        ("maxlength(2)", "ab", "abc"),
        ("min(18)", "18", "17"),
        ("max(18)", "18", "19"),
        ("range(1,9)", "9", "10"),
        ("regex(^a+$)", "aaa", "ab"),
    ],
)
def test_constraints_decide(constraint: str, good: str, bad: str) -> None:
    template = parse_route(f"x/{{v:{constraint}}}")
    assert template.match(f"x/{good}") == {"v": good}
    assert template.match(f"x/{bad}") is None


def test_several_constraints_must_all_hold() -> None:
    template = parse_route("{id:int:min(10)}")
    assert template.match("10") == {"id": "10"}
    assert template.match("9") is None


@pytest.mark.parametrize("template", ["a/{id", "a/id}", "{*rest}/a", "{id:nosuch}"])
def test_malformed_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_route(template)


def test_a_parameter_takes_line_breaks_too() -> None:
    assert parse_route("items/{*rest}").match("items/a\r\nb/c") == {"rest": "a\r\nb/c"}
    assert parse_route("items/{id}").match("items/a\nb") == {"id": "a\nb"}
