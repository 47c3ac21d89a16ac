"""Compensation, sentence by sentence: what is undone, in which order, with what data, and what is told of it."""

from collections.abc import Callable
from typing import Any

import pytest

from durable.workflow.models import CANCEL_EVENT

MakeEngine = Callable[..., Any]
FAIL = "fail: {raise: {error: {type: 'https://x.y/first', status: 500, title: First}}}"


def undo(what: str) -> str:
    return f"metadata: {{compensation: {{do: [{{undo: {{call: processing.discardJob, with: {{id: {what}}}}}}}]}}}}"


OWN = undo("'${ .output.id }'")


def done(_: dict[str, Any]) -> dict[str, Any]:
    return {"state": "done", "output": {}}


def undone_ids(made: Any) -> list[Any]:
    return [call["arguments"]["id"] for call in made.called("workflow_call_function")]


def test_every_round_of_a_loop_is_undone_last_first_with_its_own_data(engine: MakeEngine) -> None:
    body = f"""
do:
  - each:
      for: {{each: n, in: '[1, 2, 3]'}}
      do: [{{make: {{set: {{id: '${{ "job-\\($n)" }}'}}, {OWN}}}}}]
  - {FAIL}
"""
    made = engine(body, workflow_call_function=done)
    assert made.run()["status"] == "faulted"
    assert undone_ids(made) == ["job-3", "job-2", "job-1"]


def test_branches_are_undone_in_the_reverse_of_their_completion(engine: MakeEngine) -> None:
    body = f"""
do:
  - both:
      fork:
        branches:
          - slow: {{do: [{{w: {{wait: PT9S}}}}, {{a: {{set: {{id: a}}, {undo("a")}}}}}]}}
          - fast: {{do: [{{b: {{set: {{id: b}}, {undo("b")}}}}}, {{w: {{wait: PT1S}}}}]}}
  - {FAIL}
"""
    made = engine(body, workflow_call_function=done)
    made.run()
    assert undone_ids(made) == ["a", "b"]


def test_what_completed_in_a_branch_that_was_stopped_is_undone(engine: MakeEngine) -> None:
    body = f"""
do:
  - both:
      fork:
        branches:
          - one: {{do: [{{a: {{set: {{id: a}}, {undo("a")}}}}}, {{w: {{wait: PT1H}}}}]}}
          - two: {{do: [{{w: {{wait: PT1S}}}}, {{{FAIL}}}]}}
"""
    made = engine(body, workflow_call_function=done)
    assert made.run()["status"] == "faulted"
    assert undone_ids(made) == ["a"]


def test_each_undo_has_its_own_retry(engine: MakeEngine) -> None:
    body = f"""
do:
  - make:
      set: {{id: j}}
      metadata:
        compensation:
          do:
            - again:
                try: [{{undo: {{call: processing.discardJob, with: {{id: j}}}}}}]
                catch: {{retry: {{delay: PT1S, limit: {{attempt: {{count: 5}}}}}}}}
  - {FAIL}
"""
    answers = iter([{"state": "failed", "error": {"type": "https://x.y/e", "status": 503}}] * 3 + [done({})])
    made = engine(body, workflow_call_function=lambda _: next(answers))
    made.run()
    assert len(undone_ids(made)) == 4
    assert [item["status"] for item in made.final["compensation"]] == ["compensated"]


def test_one_that_fails_is_recorded_and_the_first_error_stays_the_instances(engine: MakeEngine) -> None:
    body = f"do: [{{a: {{set: {{id: 1}}, {undo('a')}}}}}, {{b: {{set: {{id: 2}}, {undo('b')}}}}}, {{{FAIL}}}]"

    def refuse_b(call: dict[str, Any]) -> dict[str, Any]:
        failed = {"state": "failed", "error": {"type": "https://x.y/undo", "status": 409, "title": "Locked"}}
        return failed if call["arguments"]["id"] == "b" else done(call)

    made = engine(body, workflow_call_function=refuse_b)
    made.run()
    assert made.final["error"]["title"] == "First"
    told = [(item["reference"], item["status"]) for item in made.final["compensation"]]
    assert told == [("/do/1/b", "failed"), ("/do/0/a", "compensated")]
    assert made.final["compensation"][0]["error"]["title"] == "Locked"


def test_what_an_undo_completes_is_not_undone_itself(engine: MakeEngine) -> None:
    inner = f"mark: {{set: {{n: 1}}, {undo('never')}}}"
    body = f"do: [{{make: {{set: {{id: 1}}, metadata: {{compensation: {{do: [{{{inner}}}]}}}}}}}}, {{{FAIL}}}]"
    made = engine(body, workflow_call_function=done)
    made.run()
    assert undone_ids(made) == []
    assert [item["reference"] for item in made.final["compensation"]] == ["/do/0/make"]


def test_input_output_and_context_are_those_of_the_moment_of_completion(engine: MakeEngine) -> None:
    what = "'${ {was: .input, gave: .output, context: $context} | tojson }'"
    body = f"""
do:
  - first: {{set: {{n: 1}}, export: {{as: {{stage: one}}}}}}
  - make: {{set: {{n: '${{ .n + 1 }}'}}, {undo(what)}}}
  - later: {{set: {{n: 99}}, export: {{as: {{stage: late}}}}}}
  - {FAIL}
"""
    made = engine(body, workflow_call_function=done)
    made.run()
    assert undone_ids(made) == ['{"was":{"n":1},"gave":{"n":2},"context":{"stage":"one"}}']


def test_a_skipped_task_and_one_that_failed_have_nothing_to_undo(engine: MakeEngine) -> None:
    body = f"""
do:
  - skipped: {{if: 'false', set: {{n: 1}}, {undo("skipped")}}}
  - failed: {{raise: {{error: {{type: 'https://x.y/e', status: 500}}}}, {undo("failed")}}}
"""
    made = engine(body, workflow_call_function=done)
    made.run()
    assert undone_ids(made) == []


ENDS = [("fault", 1.0, []), ("cancel", 1.0, ["a"]), ("fault", 0.0, ["a"]), ("cancel", 0.0, [])]


@pytest.mark.parametrize(("on", "event", "expected"), ENDS)
def test_the_document_says_in_which_ends_it_is_undone(
    engine: MakeEngine, on: str, event: float, expected: list[str]
) -> None:
    body = f"""
document:
  dsl: 1.0.3
  namespace: test
  name: case
  version: 1.0.0
  metadata: {{compensation: {{on: [{on}]}}}}
do:
  - make: {{set: {{id: 1}}, {undo("a")}}}
  - wait: {{wait: PT1M}}
  - {FAIL}
"""
    made = engine(body, workflow_call_function=done)
    made.events = [(event, CANCEL_EVENT)] if event else []
    assert made.run()["status"] == ("cancelled" if event else "faulted")
    assert undone_ids(made) == expected
