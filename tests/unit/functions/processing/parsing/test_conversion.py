"""Texts become values of the types that a schema, or the values themselves, ask for."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.processing.parsing.conversion import (
    Kind,
    RowCountMismatch,
    convert,
    kinds_of_schema,
    narrowest,
    read_texts,
    values_of,
    widest,
)


def test_null_values_and_typed_values_are_told_apart() -> None:
    texts = read_texts(b'1,x,TRUE,0.5\nNA,"",false,1e3\n', ["i", "s", "b", "n"], ["NA", ""], rows=2)
    kinds = {"i": Kind.INTEGER, "s": Kind.STRING, "b": Kind.BOOLEAN, "n": Kind.NUMBER}
    assert convert(texts, kinds).typed.rows() == [(1, "x", True, 0.5), (None, None, False, 1000.0)]


def test_an_empty_field_is_a_text_when_it_is_no_null_value() -> None:
    assert read_texts(b'a,\n"",NA\n', ["x", "y"], ["NA"], rows=2).rows() == [("a", ""), ("", None)]


def test_a_value_that_cannot_be_converted_stays_as_it_is_written() -> None:
    texts = read_texts(b"1,2\nabc,3\nNA,4\n", ["i", "j"], ["NA"], rows=3)
    chunk = convert(texts, {"i": Kind.INTEGER, "j": Kind.INTEGER})
    assert chunk.bad.to_list() == [False, True, False]
    assert values_of(chunk, 1) == {"i": "abc", "j": 3}
    assert values_of(chunk, 2) == {"i": None, "j": 4}


@pytest.mark.parametrize("text", ["1.0", "1e3", " 1", "0x1", "1_0", "99999999999999999999", "abc", "--1"])
def test_what_is_no_64_bit_integer_is_not_made_one(text: str) -> None:
    chunk = convert(pl.DataFrame({"i": [text]}), {"i": Kind.INTEGER})
    assert (chunk.bad.to_list(), values_of(chunk, 0)) == ([True], {"i": text})


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "1,5"])
def test_what_json_has_no_number_for_is_not_made_one(text: str) -> None:
    assert convert(pl.DataFrame({"n": [text]}), {"n": Kind.NUMBER}).bad.to_list() == [True]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_come_back_as_they_were_written(values: list[int]) -> None:
    texts = pl.DataFrame({"i": [str(value) for value in values]})
    assert convert(texts, {"i": Kind.INTEGER}).typed["i"].to_list() == values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_come_back_as_they_were_written(values: list[float]) -> None:
    texts = pl.DataFrame({"n": [repr(value) for value in values]})
    assert convert(texts, {"n": Kind.NUMBER}).typed["n"].to_list() == values


def test_another_number_of_rows_than_planned_is_refused() -> None:
    with pytest.raises(RowCountMismatch, match="2 rows where 3"):
        read_texts(b"1\n2\n", ["a"], [""], rows=3)


def test_the_narrowest_kind_that_fits_every_value_is_found() -> None:
    texts = pl.DataFrame(
        {"i": ["1", None], "n": ["1", "0.5"], "b": ["true", "FALSE"], "s": ["1", "x"], "none": [None, None]},
        schema_overrides={"none": pl.String},
    )
    assert narrowest(texts) == {"i": Kind.INTEGER, "n": Kind.NUMBER, "b": Kind.BOOLEAN, "s": Kind.STRING}


@pytest.mark.parametrize("one", Kind)
@pytest.mark.parametrize("other", Kind)
def test_the_widest_of_two_kinds_does_not_depend_on_their_order(one: Kind, other: Kind) -> None:
    assert widest(one, other) is widest(other, one)
    assert widest(one, one) is one


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"type": "integer"}, Kind.INTEGER),
        ({"type": ["number", "null"]}, Kind.NUMBER),
        ({"type": ["integer", "number"]}, Kind.NUMBER),
        ({"type": ["boolean", "null"]}, Kind.BOOLEAN),
        ({"type": ["integer", "string"]}, Kind.STRING),
        ({"enum": ["a"]}, Kind.STRING),
        ({"$ref": "#/$defs/count"}, Kind.INTEGER),
        ({"$ref": "#/$defs/none/at/all"}, Kind.STRING),
        (True, Kind.STRING),
    ],
)
def test_a_property_of_a_schema_has_the_kind_of_its_type(definition: Any, kind: Kind) -> None:
    schema = {"properties": {"x": definition}, "$defs": {"count": {"type": "integer", "minimum": 0}}}
    assert kinds_of_schema(schema) == {"x": kind}
