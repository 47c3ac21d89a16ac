import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funchost.errors import InvocationError
from funchost.expressions import parse_template


@given(st.text(alphabet=st.characters(blacklist_characters="{}")))
def test_text_without_braces_is_itself(text: str) -> None:
    template = parse_template(text)
    assert template.is_literal
    assert template.render({}) == text


@given(st.text(min_size=1), st.text(alphabet="abc/-."))
def test_a_name_is_replaced_by_its_value(value: str, around: str) -> None:
    assert parse_template(f"{around}{{id}}{around}").render({"id": value}) == f"{around}{value}{around}"


def test_dots_walk_into_objects_and_letter_case_does_not_matter() -> None:
    data = {"headers": {"x-user": "ada"}, "Order": {"Customer": {"id": 7}}}
    assert parse_template("{Headers.X-User}/{order.customer.ID}").render(data) == "ada/7"


def test_a_missing_value_is_named() -> None:
    with pytest.raises(InvocationError, match=r"\{headers\.x-user\}"):
        parse_template("u/{headers.x-user}").render({"headers": {}})


def test_guids_and_times_are_made_anew() -> None:
    rendered = parse_template("{rand-guid}").render({})
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rendered)
    assert parse_template("{rand-guid}").render({}) != rendered
    assert re.fullmatch(r"\d{4}/\d\d/\d\d-\d{6}", parse_template("{DateTime:yyyy/MM/dd-HHmmss}").render({}))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", parse_template("{datetime}").render({}))


@pytest.mark.parametrize("text", ["orders/{id", "id}", "{a}/{", "{{a}}"])
def test_a_brace_without_its_other_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="without its other one"):
        parse_template(text)
