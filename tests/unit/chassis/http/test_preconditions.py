"""Entity tags and conditions as RFC 9110 has them: sections 8.8.3 (tags), 13.1.1 and 13.1.2 (conditions)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI, Response
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import PreconditionFailed
from chassis.http.preconditions import (
    Condition,
    EntityTags,
    IfNoneMatch,
    MalformedCondition,
    Precondition,
    is_unchanged,
    require,
)
from chassis.http.problems import add_problem_handlers

ETAGC = [chr(code) for code in (0x21, *range(0x23, 0x7F), *range(0x80, 0x100))]
PRESENT = '"abc"'


@dataclass(frozen=True)
class Tag:
    """An entity tag by its two parts."""

    opaque: str
    weak: bool

    def __str__(self) -> str:
        return f'{"W/" if self.weak else ""}"{self.opaque}"'


few = st.text(st.sampled_from(["a", "b", ",", "W", "/", "ÿ", "*"]), max_size=3)
tags = st.builds(Tag, st.one_of(few, st.text(st.sampled_from(ETAGC), max_size=6)), st.booleans())
spaces = st.text(st.sampled_from(" \t"), max_size=2)


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[Tag], str]:
    """Some tags, and a field's value that names them: with spaces and empty elements, which a recipient must take."""
    named = draw(st.lists(tags, max_size=5))
    elements: list[str] = []
    for tag in named:
        elements += [""] * draw(st.integers(0, 2)) + [str(tag)]
    return named, ",".join(f"{draw(spaces)}{element}{draw(spaces)}" for element in [*elements, ""])


@given(lists())
def test_a_list_names_its_tags(listed: tuple[list[Tag], str]) -> None:
    named, text = listed
    assert EntityTags.read(text) == EntityTags(frozenset(map(str, named)))


@given(lists(), tags)
def test_strong_comparison_wants_two_strong_tags_alike(listed: tuple[list[Tag], str], present: Tag) -> None:
    named, text = listed
    alike = any(tag.opaque == present.opaque and not tag.weak and not present.weak for tag in named)
    assert EntityTags.read(text).have_strongly(str(present)) is alike
    assert Precondition(if_match=EntityTags.read(text)).holds(str(present)) is alike


@given(lists(), tags)
def test_weak_comparison_wants_two_tags_with_the_same_in_quotes(listed: tuple[list[Tag], str], present: Tag) -> None:
    named, text = listed
    alike = any(tag.opaque == present.opaque for tag in named)
    assert EntityTags.read(text).have_weakly(str(present)) is alike
    assert Precondition(if_none_match=EntityTags.read(text)).holds(str(present)) is not alike


@given(st.one_of(st.text(st.sampled_from('W/"a, \t*')), st.text()))
def test_any_text_is_a_list_or_is_refused(text: str) -> None:
    try:
        found = EntityTags.read(text)
    except MalformedCondition:
        return
    assert found.any == (text.strip(" \t") == "*")
    assert found.any or EntityTags.read(", ".join(found.tags)) == found
    assert all(tag in text for tag in found.tags)


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "'abc'", '"abc', 'abc"', '"a" "b"', '"a";"b"', 'w/"a"', 'W / "a"', 'W/ "a"', '*, "a"', '"a", *', "**"),
        *('"a b"', '"a\x7f"', '"a\x00"', '"a"\n', '"a""b"', "W/", "W/abc", '"Ā"'),
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(MalformedCondition):
        EntityTags.read(text)


@pytest.mark.parametrize("text", ["", " ", ",", " , ,\t,"])
def test_an_empty_list_names_nothing(text: str) -> None:
    assert EntityTags.read(text) == EntityTags()
    assert not EntityTags.read(text).have_weakly(PRESENT)


@pytest.mark.parametrize("start", ['"', '"a" ', ",", '"a",', "W/", '"a" ,\t'])
def test_long_nonsense_is_read_without_trying_again(start: str) -> None:
    with pytest.raises(MalformedCondition):  # a reading that tries again does not come to its end
        EntityTags.read(start * 50_000 + "x")


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "present", "holds"),
    [
        ("*", None, PRESENT, True),
        ("*", None, None, False),
        (PRESENT, None, None, False),
        (None, "*", PRESENT, False),
        (None, "*", None, True),
        (None, PRESENT, None, True),
        (PRESENT, '"x"', PRESENT, True),
        (PRESENT, PRESENT, PRESENT, False),
        ('"x"', '"x"', PRESENT, False),
        (None, None, PRESENT, True),
    ],
)
def test_both_conditions_must_hold(
    if_match: str | None, if_none_match: str | None, present: str | None, holds: bool
) -> None:
    read = [None if text is None else EntityTags.read(text) for text in (if_match, if_none_match)]
    assert Precondition(*read).holds(present) is holds


def test_without_a_condition_everything_passes() -> None:
    require(None, None, PreconditionFailed)
    require(None, PRESENT, PreconditionFailed)
    assert not is_unchanged(None, PRESENT)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """One thing with the ETag "abc"."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.get("/thing")
    async def read(known: IfNoneMatch) -> Response:
        return Response(status_code=304 if is_unchanged(known, PRESENT) else 200)

    @app.put("/thing")
    async def write(condition: Condition) -> None:
        require(condition, PRESENT, PreconditionFailed)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as opened:
        yield opened


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 200),
        ([PRESENT], 304),
        (['W/"abc"'], 304),
        (['"x"', PRESENT], 304),
        (["*"], 304),
        (['"abcd"'], 200),
        (['"zabc"'], 200),
        (['"x,"abc""'], 200),
        (["abc"], 200),
        ([f"{PRESENT} nonsense"], 200),
    ],
)
async def test_a_reader_has_the_present_state_when_he_names_it(
    client: httpx.AsyncClient, lines: list[str], status: int
) -> None:
    answer = await client.get("/thing", headers=[("If-None-Match", line) for line in lines])
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),
        ([("If-Match", PRESENT)], 200),
        ([("If-Match", '"x"'), ("If-Match", PRESENT)], 200),
        ([("If-Match", "*")], 200),
        ([("If-Match", 'W/"abc"')], 412),
        ([("If-Match", '"x"')], 412),
        ([("If-Match", "")], 412),
        ([("If-None-Match", "*")], 412),
        ([("If-None-Match", 'W/"abc"')], 412),
        ([("If-None-Match", '"x"')], 200),
        ([("If-Match", "abc")], 400),
        ([("If-None-Match", "abc")], 400),
    ],
)
async def test_a_change_is_made_only_as_its_condition_says(
    client: httpx.AsyncClient, headers: list[tuple[str, str]], status: int
) -> None:
    answer = await client.put("/thing", headers=headers)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["type"] == "urn:problem:platform:malformed-condition"


async def test_both_conditions_are_told(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()["paths"]["/thing"]
    told = {method: [header["name"] for header in document[method]["parameters"]] for method in ("get", "put")}
    assert told == {"get": ["If-None-Match"], "put": ["If-Match", "If-None-Match"]}
