"""Expressions: what is closed is found however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.expressions import closed_names, expressions_in, mentioned, program_of, reads_clock


@pytest.mark.parametrize(
    "program",
    [
        "env",
        ".a | env",
        "{a: env}",
        '"\\(env)"',
        '"\\("\\(env)")"',
        "def f: env; f",
        '"a\\"b" | env',
        "[env]",
        "# x\nenv",
    ],
)
def test_a_closed_function_is_found(program: str) -> None:
    assert closed_names(program) == ["env"]


@pytest.mark.parametrize(
    "program",
    [".env", '"env"', "{env: 1}", ".a.env", '."env"', "# env", "envy", "$env", '"\\\\(env)"', ".input.env"],
)
def test_a_field_or_text_of_the_same_name_is_no_function(program: str) -> None:
    assert closed_names(program) == []


@pytest.mark.parametrize("name", ["ENV", "__now", "__prog_args", "__loc__"])
def test_variables_of_the_machine_are_closed(name: str) -> None:
    assert closed_names(f". + ${name}") == ([] if name == "__loc__" else [f"${name}"])


def test_a_program_that_calls_now_reads_the_clock_and_one_that_only_names_it_does_not() -> None:
    assert [reads_clock(text) for text in ("now", '"\\(now)"', ".now", '"now"', "{now: 1}")] == [True, True] + [
        False
    ] * 3


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(program: str) -> None:
    assert isinstance(closed_names(program), list)


@given(st.text(alphabet='"\\()n ow.|', max_size=60))
def test_a_closed_name_in_front_is_found_whatever_follows(rest: str) -> None:
    assert "env" in closed_names(f"env | {rest}")


def test_the_brackets_of_an_expression_may_be_left_out() -> None:
    assert [program_of(text) for text in ("${ .a }", " ${.a} ", ".a")] == [".a"] * 3


def test_only_arguments_that_are_mentioned_are_sent() -> None:
    assert mentioned("$context.a + $inputs", {"context": 1, "input": 2, "task": 3}) == {"context": 1}


def test_expressions_are_found_in_values_not_in_keys() -> None:
    assert expressions_in({"${ .k }": ["${ .a }", {"b": "${ .c }"}], "d": ".e"}) == ["${ .a }", "${ .c }"]
