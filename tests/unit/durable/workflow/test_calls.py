"""Calls of the platform's catalog: keys, retries, work that is started and ends later."""

from typing import Any

from tests.unit.durable.workflow.outcomes import MakeEngine, done, failed, output_of

RETRIED = """
use:
  retries:
    patient:
      when: $error.status >= 500
      delay: {seconds: 1}
      backoff: {exponential: {}}
      limit: {attempt: {count: 3}}
do:
  - t:
      try: [{c: {call: metadata.validate, with: {schema: s, items: []}}}]
      catch: {errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/communication'}}, retry: patient}
"""


def test_a_failed_call_is_made_again_under_its_key_with_growing_delays(engine: MakeEngine) -> None:
    answers = iter([failed(503), failed(503), {"state": "done", "output": {"valid": 0}}])
    made = engine(RETRIED, workflow_call_function=lambda _: next(answers))
    assert output_of(made) == {"valid": 0}
    assert made.now.second == 1 + 2
    keys = [call["key"] for call in made.called("workflow_call_function")]
    assert keys == ["i1:/do/0/t/try/0/c:1"] * 3
    assert made.event_types.count("io.serverlessworkflow.task.retried.v1") == 2
    tried = [task for part in made.progress for task in part["tasks"] if task["reference"] == "/do/0/t"][-1]
    assert (tried["attempts"], tried["state"]) == (3, "completed")


def test_work_that_was_started_and_failed_is_started_anew_under_another_key(engine: MakeEngine) -> None:
    ends = iter([failed(500), {"state": "done", "output": {"id": "job-1"}}])
    made = engine(
        RETRIED.replace(
            "metadata.validate, with: {schema: s, items: []}", "processing.run, with: {dataset: d, query: q}"
        ),
        workflow_call_function=started,
        workflow_poll_function=lambda _: next(ends),
    )
    assert output_of(made) == {"id": "job-1"}
    keys = [call["key"] for call in made.called("workflow_call_function")]
    assert keys == ["i1:/do/0/t/try/0/c:1", "i1:/do/0/t/try/0/c:2"]


def test_used_up_retries_raise_the_last_error(engine: MakeEngine) -> None:
    made = engine(RETRIED, workflow_call_function=lambda _: failed(503))
    assert made.run()["status"] == "faulted"
    assert len(made.called("workflow_call_function")) == 4
    assert made.final["error"]["status"] == 503


def test_a_refusal_is_not_retried(engine: MakeEngine) -> None:
    made = engine(RETRIED, workflow_call_function=lambda _: failed(404))
    assert made.run()["status"] == "faulted"
    assert len(made.called("workflow_call_function")) == 1


LONG = "do: [{v: {call: processing.run, with: {dataset: d, query: q}}}]"


def started(_: dict[str, Any]) -> dict[str, Any]:
    return {"state": "started", "started": "job-1"}


def test_started_work_ends_with_its_event(engine: MakeEngine) -> None:
    made = engine(LONG, workflow_call_function=started, workflow_poll_function=done({"id": "job-1"}))
    made.events = [(3, "job-1")]
    assert output_of(made) == {"id": "job-1"}
    assert (made.now.second, made.open_timers) == (3, [])


def test_an_event_that_comes_before_the_wait_is_not_lost(engine: MakeEngine) -> None:
    made = engine(LONG, workflow_call_function=started, workflow_poll_function=done({"id": "job-1"}))
    made.history = [(("event", "job-1"), {}, made.now)]
    assert output_of(made) == {"id": "job-1"}
    assert made.now.second == 0


def test_work_whose_event_is_lost_is_found_by_polling_ever_more_rarely(engine: MakeEngine) -> None:
    polls = iter([{"state": "started", "started": "job-1"}, failed(503) | {"can_retry": True}])
    made = engine(
        LONG,
        workflow_call_function=started,
        workflow_poll_function=lambda _: next(polls, {"state": "done", "output": {"id": "job-1"}}),
    )
    assert output_of(made) == {"id": "job-1"}
    assert (made.now.minute * 60 + made.now.second) == 15 + 30 + 60


def test_failed_work_faults_with_the_problem_that_was_reported(engine: MakeEngine) -> None:
    rows = {"invalidRows": [{"row": 1000, "field": "/dep_delay", "reason": "not a number"}]}
    made = engine(LONG, workflow_call_function=started,
                  workflow_poll_function=lambda _: failed(422, "validation", problem=rows))  # fmt: skip
    made.events = [(1, "job-1")]
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["problem"] == rows
    assert made.final["error"]["instance"] == "/do/0/v"
