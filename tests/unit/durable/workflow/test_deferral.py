"""Expressions that wait for the activity."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.workflow.deferral import defer, fill_deferred, is_private, scope_of, secret_names
from durable.workflow.jq_process import JqEvaluator

TEXTS = st.sampled_from(["x", "${ .a }", "${ $secrets.a }", '${ "Bearer " + $authorization.parameter }', "$secrets.a"])
TEMPLATES = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def test_only_expressions_that_read_secrets_wait() -> None:
    template = {"headers": {"a": "${ $secrets.key }", "b": "${ .x }"}, "list": ["c", "${ $authorization.scheme }"]}
    left, deferred = defer(template)
    assert left == {"headers": {"a": None, "b": "${ .x }"}, "list": ["c", None]}
    assert [(each.place, each.program) for each in deferred] == [
        (("headers", "a"), "$secrets.key"),
        (("list", 1), "$authorization.scheme"),
    ]


@given(TEMPLATES)
def test_nothing_that_is_private_stays_behind(template: Any) -> None:
    left, deferred = defer(template)
    assert defer(left) == (left, [])
    assert all(is_private(f"${{ {each.program} }}") for each in deferred)


def test_what_they_see_is_their_data_and_what_they_mention() -> None:
    _, deferred = defer(["${ $secrets.a + $context.b }"])
    scope = scope_of(deferred, {"d": 1}, {"context": {"b": "c"}, "workflow": {"id": 1}, "secrets": {"a": "never"}})
    assert (scope.data, scope.arguments) == ({"d": 1}, {"context": {"b": "c"}})
    assert scope_of([], {"d": 1}, {"context": {}}).data is None


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("$secrets.a", {"a"}),
        ('$secrets["a-b"] + $secrets.c', {"a-b", "c"}),
        ('$secrets."d e"', {"d e"}),
        ("$secrets | keys", {"x", "y"}),
        ("$secrets[.name]", {"x", "y"}),
        ("$secretsOfMine", set()),
    ],
)
def test_the_secrets_that_an_expression_may_read_are_known_before(program: str, names: set[str]) -> None:
    assert secret_names(program, ["x", "y"]) == names


def test_values_are_put_in_their_places_and_data_is_never_an_expression(evaluator: JqEvaluator) -> None:
    template, deferred = defer({"a": ["${ $secrets.k }"], "b": "kept"})
    scope = scope_of(deferred, {}, {})
    filled = fill_deferred({**template, "b": "${ $secrets.k }"}, deferred, evaluator, scope, {"secrets": {"k": "v"}})
    assert filled == {"a": ["v"], "b": "${ $secrets.k }"}
