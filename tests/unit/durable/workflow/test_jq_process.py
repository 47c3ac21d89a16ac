"""The jq child process: hostile programs end themselves and nothing else, and see nothing but their data."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.workflow.expressions import ExpressionError, evaluate
from durable.workflow.jq_process import JqEvaluator

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)

NAMES = st.sampled_from(["a", "b", "c", "d"])
JSON_PATHS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x"]) | st.just([]),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(JSON, JSON)
def test_data_and_arguments_arrive_unchanged(evaluator: JqEvaluator, data: object, argument: object) -> None:
    assert evaluator.evaluate("[., $input]", data, {"input": argument}) == [data, argument]


PATHS = [".", ".a", ".a.b", ".a.b.c", "$v", "$v.a", "$v.a.b"]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PATHS), JSON_PATHS, JSON_PATHS)
def test_a_path_gives_what_jq_gives(evaluator: JqEvaluator, path: str, data: object, argument: object) -> None:
    def outcome(of: Callable[[], Any]) -> Any:
        try:
            return "value", of()
        except ExpressionError:
            return "error", None

    by_jq = outcome(lambda: evaluator.evaluate(path, data, {"v": argument}))
    assert outcome(lambda: evaluate(evaluator, path, data, {"v": argument})) == by_jq


def test_the_first_output_counts_and_none_is_null(evaluator: JqEvaluator) -> None:
    assert evaluator.evaluate("1, 2", None, {}) == 1
    assert evaluator.evaluate("empty", None, {}) is None


@pytest.fixture(scope="module")
def hurried() -> Iterator[JqEvaluator]:
    """An evaluator with little patience, so that what hangs does not hold up the tests."""
    with JqEvaluatorFor(cpu_limit_s=0.1) as evaluator:
        yield evaluator


@pytest.mark.parametrize("program", ["def f: f; f", '"x" * 1000000000', "[limit(1e9; repeat(1))]"])
def test_a_program_that_takes_too_much_is_ended_and_the_next_one_runs(hurried: JqEvaluator, program: str) -> None:
    with pytest.raises(ExpressionError, match="too much"):
        hurried.evaluate(program, None, {})
    assert hurried.evaluate(".a", {"a": 1}, {}) == 1


@pytest.mark.parametrize(
    "program",
    ["now", "env", "input", "[inputs]", "halt", "halt_error", "localtime", "debug(1)", "stderr", '# \\\n " \n now # "'],
)
def test_clock_environment_and_input_are_closed_even_to_what_slips_through(
    evaluator: JqEvaluator, program: str
) -> None:
    with pytest.raises(ExpressionError, match="closed"):
        evaluator.evaluate(program, None, {})


def test_now_is_what_the_orchestration_says(evaluator: JqEvaluator) -> None:
    assert evaluator.evaluate("now | todate", None, {"__now": 0.5}) == "1970-01-01T00:00:00Z"


HOSTILE = [
    "def f: f + f; f",
    "[range(1e12)]",
    "[range(1e9)] | sort",
    "reduce range(1e12) as $i (0; . + $i)",
    '"a" * 1e12',
    '[limit(1e7; repeat("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))] | add',
    "[.[]?, ..] | combinations(1e6)",
    "last(range(1e13))",
    '"a" | test("(a+)+$"; "g") | until(false; .)',
    '[splits("a"; null)]',
    "tojson | fromjson | [recurse(if . < 1e9 then . + 1 else empty end)]",
    '{} | setpath([range(2e5) | "a"]; 1) | tojson',
    "[range(3e7)] | tojson | length",
    "label $out | foreach repeat(1) as $i (0; . + 1; if . > 1e12 then break $out else empty end)",
    "input_filename, $__prog_args",
    "implode",
    "[1e999, -1e999, nan] | .[2] < 0 | until(false; .)",
    'import "a" as a; 1',
    "@base64d",
    '1 | ltrimstr(1) | getpath(["a"]) | error(null)',
    'strptime("%s") | mktime',
    "splits",
]


@pytest.mark.parametrize("program", HOSTILE)
def test_a_hostile_program_takes_down_nothing_but_itself(hurried: JqEvaluator, program: str) -> None:
    with suppress(ExpressionError):
        hurried.evaluate(program, 1, {})
    assert hurried.evaluate(". + 1", 41, {"input": program}) == 42


def test_the_environment_is_empty_but_for_two_constants(
    evaluator: JqEvaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "x")
    with JqEvaluatorFor() as fresh:
        assert fresh.evaluate("$ENV | keys", None, {}) == ["LC_ALL", "TZ"]


def test_a_child_that_is_killed_is_replaced(evaluator: JqEvaluator) -> None:
    evaluator.evaluate(".", 1, {})
    process = evaluator._child._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert evaluator.evaluate(". + 1", 41, {}) == 42


def test_what_was_evaluated_is_remembered_within_bounds() -> None:
    with JqEvaluatorFor(remembered=2) as small:
        for number in range(5):
            assert small.evaluate(".", number, {}) == number
        assert len(small._memory) == 2
        small._child.stop()
        small._ask = None  # type: ignore[assignment,method-assign]
        assert small.evaluate(".", 4, {}) == 4


def test_what_is_remembered_does_not_wait_for_a_program_that_hangs(evaluator: JqEvaluator) -> None:
    assert evaluator.evaluate(". + 1", 100, {}) == 101
    with evaluator._child_lock:
        assert evaluator.evaluate(". + 1", 100, {}) == 101


def test_a_program_that_only_compiles_thanks_to_our_brackets_is_refused(evaluator: JqEvaluator) -> None:
    evaluator.check(". as $x | $x # a comment", ())
    with pytest.raises(ExpressionError):
        evaluator.check("1) | (2", ())


def test_a_schema_may_not_reach_out(evaluator: JqEvaluator) -> None:
    with pytest.raises(ValueError, match="another document"):
        evaluator.check_schema({"$ref": "file:///etc/passwd"})
    assert evaluator.violations({"required": ["a"]}, {}) == ['"a" is a required property at /']


class JqEvaluatorFor(JqEvaluator):
    """An evaluator that is closed after use."""

    def __enter__(self) -> JqEvaluator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
