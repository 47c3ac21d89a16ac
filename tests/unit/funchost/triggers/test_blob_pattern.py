import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.triggers.blob_pattern import parse_blob_path


@pytest.mark.parametrize(
    ("path", "blob", "values"),
    [
        ("in/{name}", "a/b.txt", {"name": "a/b.txt"}),
        ("in/{name}.{extension}", "a.b.txt", {"name": "a.b", "extension": "txt"}),
        ("in/orders/{day}/{name}.json", "orders/monday/a.json", {"day": "monday", "name": "a"}),
        ("in/orders/{day}/{name}.json", "orders/monday/a.txt", None),
        ("in/exact.txt", "exact.txt", {}),
        ("in/exact.txt", "exactXtxt", None),
        ("in/{{{name}}}", "{a}", {"name": "a"}),
        ("in", "anything/at/all", {}),
        ("/in/{name}", "", None),
    ],
)
def test_expressions_take_their_part_of_the_name(path: str, blob: str, values: dict[str, str] | None) -> None:
    assert parse_blob_path(path).match(blob) == values


@pytest.mark.parametrize(
    ("path", "prefix"), [("in/a/{n}.txt", "a/"), ("in/{n}", ""), ("in/whole", "whole"), ("in/{{x}}/{n}", "{x}/")]
)
def test_the_prefix_is_what_every_name_begins_with(path: str, prefix: str) -> None:
    pattern = parse_blob_path(path)
    assert (pattern.container, pattern.prefix) == ("in", prefix)


@pytest.mark.parametrize("path", ["", "/", "{container}/x", "in/{a}/{a}", "in/{open", "in/close}"])
def test_malformed_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_blob_path(path)


@given(st.text(alphabet="ab./-", min_size=1), st.text(alphabet="ab./-", min_size=1))
def test_a_name_made_from_values_matches(first: str, second: str) -> None:
    values = parse_blob_path("in/{x}_{y}").match(f"{first}_{second}")
    assert values == {"x": first, "y": second}
