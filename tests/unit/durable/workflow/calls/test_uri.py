"""URI templates."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.calls.uri import expand
from durable.workflow.faults import Fault


@pytest.mark.parametrize(
    ("template", "data", "uri"),
    [
        ("https://h/{a}/{b.c}", {"a": 1, "b.c": "x", "b": {"c": "no"}}, "https://h/1/x"),
        ("https://h/{gone}/{null}/{yes}", {"null": None, "yes": True}, "https://h///true"),
        ("https://h/{a}", {"a": "../x y?z#ü"}, "https://h/..%2Fx%20y%3Fz%23%C3%BC"),
        ("https://h/{a}", ["no object"], "https://h/"),
    ],
)
def test_names_are_replaced_by_the_inputs_own_properties(template: str, data: object, uri: str) -> None:
    assert expand(template, data) == uri


@pytest.mark.parametrize("value", [{}, []])
def test_objects_and_arrays_do_not_fit_into_a_uri(value: object) -> None:
    with pytest.raises(Fault) as fault:
        expand("https://h/{a}", {"a": value})
    assert (fault.value.error.status, fault.value.error.type.rsplit("/", 1)[1]) == (400, "expression")


@given(st.text())
def test_a_value_can_not_leave_its_place(value: str) -> None:
    try:
        uri = expand("https://h/{a}/end", {"a": value})
    except UnicodeEncodeError:  # half a surrogate pair, which no input can hold
        return
    middle = uri.removeprefix("https://h/").removesuffix("/end")
    assert unquote(middle) == value
    assert not set(middle) & set("/?#&")
