import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.gateway.envoy.paths import path_match, path_pattern, specificity

LITERAL = st.from_regex(r"[A-Za-z0-9._\-]{1,6}", fullmatch=True)
SEGMENT = st.text(st.characters(exclude_characters="/\n\r"), min_size=1, max_size=6)
TEMPLATES = st.lists(LITERAL | st.just("{name}"), min_size=1, max_size=4)


@settings(deadline=None)
@given(TEMPLATES, st.data())
def test_a_template_matches_the_paths_that_it_stands_for(parts: list[str], data: st.DataObject) -> None:
    path = "/" + "/".join(data.draw(SEGMENT) if part == "{name}" else part for part in parts)
    assert re.fullmatch(path_pattern("/" + "/".join(parts)), path)


@settings(deadline=None)
@given(TEMPLATES, st.data())
def test_a_template_matches_no_path_of_another_length(parts: list[str], data: st.DataObject) -> None:
    pattern = path_pattern("/" + "/".join(parts))
    filled = [data.draw(SEGMENT) if part == "{name}" else part for part in parts]
    assert not re.fullmatch(pattern, "/" + "/".join([*filled, "more"]))
    assert not re.fullmatch(pattern, "/" + "/".join([*filled, ""]))
    assert not re.fullmatch(pattern, "/".join(filled))


def test_a_dot_in_a_literal_is_only_a_dot() -> None:
    assert re.fullmatch(path_pattern("/a/{b}/x.json"), "/a/1/x.json")
    assert not re.fullmatch(path_pattern("/a/{b}/x.json"), "/a/1/xyjson")


@pytest.mark.parametrize(
    ("path", "matches"),
    [("/console", True), ("/console/", True), ("/console/a/b", True), ("/consoles", False), ("/x/console", False)],
)
def test_a_rest_parameter_takes_all_that_follows_also_nothing(path: str, matches: bool) -> None:
    assert bool(re.fullmatch(path_pattern("/console/{*rest}"), path)) is matches


def test_a_template_without_parameters_is_matched_exactly() -> None:
    assert path_match("/metadata/health/live") == {"path": "/metadata/health/live"}


@settings(deadline=None)
@given(st.permutations(["/a/b/c", "/a/b/{x}", "/a/{x}/c", "/a/{x}/{y}", "/a/b/{*rest}", "/a/{*rest}", "/{*rest}"]))
def test_more_specific_templates_come_first_whatever_the_order_was(shuffled: list[str]) -> None:
    assert sorted(shuffled, key=specificity) == [
        "/a/b/c",
        "/a/b/{x}",
        "/a/b/{*rest}",
        "/a/{x}/c",
        "/a/{x}/{y}",
        "/a/{*rest}",
        "/{*rest}",
    ]
