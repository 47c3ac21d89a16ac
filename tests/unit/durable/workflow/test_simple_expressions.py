"""What is evaluated without jq gives what jq gives; everything else is left to jq."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.workflow.expressions import ExpressionError, evaluate
from durable.workflow.jq_process import JqEvaluator, process_evaluator
from durable.workflow.simple_expressions import MAX_CONTAINERS, MAX_TEXT_CHARS, NotSimple, simple

NAMES = st.sampled_from(["a", "b", "id", "if_"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
LITERALS = st.sampled_from([".", ".a", ".b.a", "$input", "$input.id", "$task.a.b", "1", "0", "true", "null", '"x é"'])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        inner.map("({})".format),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} + {two[1]})"),
        st.tuples(inner, signs, inner).map(lambda three: f"({three[0]} {three[1]} {three[2]})"),
        st.tuples(inner, inner).map(lambda two: f"[{two[0]}, {two[1]}]"),
        st.tuples(NAMES, inner).map(lambda two: f"{{{two[0]}, x: ({two[1]})}}"),
        st.tuples(inner, inner).map(lambda two: f'"<\\({two[0]})-\\({two[1]})>"'),
    )


PROGRAMS = st.recursive(LITERALS, _grown, max_leaves=5)


@settings(max_examples=300, deadline=None)
@given(PROGRAMS, VALUES, VALUES)
def test_what_is_simple_gives_what_jq_gives(program: str, data: Any, given: Any) -> None:
    seen = {"input": given, "task": data}
    known = simple(program)
    assert known is not None
    try:
        value = known(data, seen)
    except NotSimple:
        return
    asked = process_evaluator().evaluate(program, data, seen)
    assert json.dumps(value, sort_keys=True) == json.dumps(asked, sort_keys=True)


@settings(max_examples=200, deadline=None)
@given(st.text('ab.$+=<>"()[]{},:|?1-\\ #\n', max_size=12), VALUES)
def test_what_jq_does_not_take_is_not_simple(program: str, data: Any) -> None:
    known = simple(program)
    if known is None:
        return
    process_evaluator().check(program, ("a", "b", "ab", "ba", "aa", "bb", *_variables(program)))


def _variables(program: str) -> list[str]:
    return [part.split(".")[0].strip('+=<>"()[]{},: ') or "a" for part in program.split("$")[1:]]


@pytest.mark.parametrize(
    "program",
    [
        "", ". .", ".a?", ".a[0]", '."a"', "..", ".a | .b", ".a, .b", "now", "env", "-1", "1.5", ".a // 1", ".a - 1",
        '"\\n"', "{a: 1, a: 2}", '{"a": 1}', "{$input}", "{(.a): 1}", "1 == 1 == 1", ".a and .b", "@base64", "$__loc__",
    ],
)  # fmt: skip
def test_other_syntax_is_left_to_jq(program: str) -> None:
    assert simple(program) is None


@pytest.mark.parametrize(
    ("program", "data"),
    [
        (".a + 1", {"a": 2**53}),
        (".a + .b", {"a": 0.5, "b": 1}),
        (".a + 1", {"a": "x"}),
        ('"\\(.)"', 0.5),
        ('"\\(.)"', [1]),
        (". + .", "x" * MAX_TEXT_CHARS),
        (f"[{', '.join(['.'] * (MAX_CONTAINERS + 1))}]", {}),
        (". < 1", None),
        ("[.a.b]", {"a": 1}),
    ],
)
def test_values_that_need_jq_are_left_to_it(program: str, data: Any) -> None:
    known = simple(program)
    assert known is not None
    with pytest.raises(NotSimple):
        known(data, {})


def test_an_error_is_jqs(evaluator: JqEvaluator) -> None:
    with pytest.raises(ExpressionError, match="number"):
        evaluate(evaluator, "${ {x: (.a + 1)} }", {"a": "text"}, {})


def test_a_program_nested_without_end_is_left_to_jq() -> None:
    assert simple("(" * 400 + "1" + ")" * 400) is None
