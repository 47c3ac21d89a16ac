"""Timeouts: of tasks, of attempts and of the whole workflow; what they stop and what they leave alone."""

from collections.abc import Callable
from typing import Any

import pytest

from durable.workflow.faults import STANDARD
from durable.workflow.models import CANCEL_EVENT

MakeEngine = Callable[..., Any]
TIMEOUT = STANDARD + "timeout"


def done(output: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: {"state": "done", "output": output}


def started(_: dict[str, Any]) -> dict[str, Any]:
    return {"state": "started", "started": "job-1"}


def last_states(made: Any) -> dict[str, str]:
    return {task["reference"]: task["state"] for part in made.progress for task in part["tasks"]}


def test_a_task_that_takes_too_long_faults_with_the_specifications_error(engine: MakeEngine) -> None:
    made = engine("do: [{slow: {wait: PT1M, timeout: {after: PT2S}}}]")
    assert made.run()["status"] == "faulted"
    error = made.final["error"]
    assert (error["type"], error["status"], error["instance"]) == (TIMEOUT, 408, "/do/0/slow")
    assert (made.now.second, made.open_timers) == (2, [])


def test_a_task_that_is_fast_enough_leaves_no_timer_behind(engine: MakeEngine) -> None:
    made = engine("use: {timeouts: {long: {after: PT1H}}}\ndo: [{w: {wait: PT1S, timeout: long}}]", 7)
    assert made.run() == {"status": "completed"}
    assert (made.final["output"], made.now.second, made.open_timers) == (7, 1, [])


def test_a_timeout_is_caught_like_any_error(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - guarded:
      try: [{slow: {wait: PT1M, timeout: {after: '${ .limit }'}}}]
      catch:
        errors: {with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout', status: 408}}
        do: [{note: {set: {late: '${ $error.instance }'}}}]
""",
        {"limit": "PT5S"},
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"late": "/do/0/guarded/try/0/slow"}


def test_the_outer_timeout_ends_the_inner_tasks_where_they_are(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - outer:
      timeout: {after: PT3S}
      do:
        - first: {set: {n: 1}}
        - second: {fork: {branches: [{a: {wait: PT1M, timeout: {after: PT1H}}}, {b: {wait: PT2S}}]}}
        - third: {set: {n: 3}}
"""
    )
    assert made.run()["status"] == "faulted"
    states = last_states(made)
    assert states["/do/0/outer"] == "faulted"
    assert states["/do/0/outer/do/1/second/fork/branches/0/a"] == "cancelled"
    assert states["/do/0/outer/do/1/second/fork/branches/1/b"] == "completed"
    assert "/do/0/outer/do/2/third" not in states
    assert made.open_timers == []


def test_the_workflows_timeout_faults_the_instance_and_undoes_what_completed(engine: MakeEngine) -> None:
    made = engine(
        """
timeout: {after: {minutes: 1}}
do:
  - make:
      call: processing.validate
      with: {dataset: d, schema: {name: s}}
      metadata: {compensation: {do: [{undo: {call: processing.discardValidation, with: {id: '${ .output.id }'}}}]}}
  - wait: {wait: PT1H}
""",
        workflow_call_function=done({"id": "v1"}),
    )
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["type"] == TIMEOUT
    assert [undone["status"] for undone in made.final["compensation"]] == ["compensated"]
    assert made.now.minute == 1


def test_started_work_is_no_longer_waited_for_when_the_time_is_up(engine: MakeEngine) -> None:
    made = engine(
        "do: [{v: {call: processing.run, with: {dataset: d, query: q}, timeout: {after: PT40S}}}]",
        workflow_call_function=started,
        workflow_poll_function=started,
    )
    assert made.run()["status"] == "faulted"
    assert (made.final["error"]["type"], made.now.second) == (TIMEOUT, 40)


def test_a_call_is_told_how_long_it_may_take(engine: MakeEngine) -> None:
    made = engine(
        """
timeout: {after: PT30S}
do:
  - first: {call: processing.discardJob, with: {id: a}}
  - second: {call: processing.discardJob, with: {id: a}, timeout: {after: PT2S}}
""",
        workflow_call_function=done({}),
    )
    assert made.run() == {"status": "completed"}
    assert [call["timeoutS"] for call in made.called("workflow_call_function")] == [20, 2]


ATTEMPTS = """
do:
  - guarded:
      try: [{slow: {wait: '${ .wait }'}}]
      catch: {retry: {delay: PT1S, limit: {attempt: {count: 2, duration: PT10S}}}}
"""


@pytest.mark.parametrize(("wait", "end", "seconds"), [("PT9S", "completed", 9), ("PT11S", "faulted", 32)])
def test_each_attempt_has_its_own_time(engine: MakeEngine, wait: str, end: str, seconds: int) -> None:
    made = engine(ATTEMPTS, {"wait": wait})
    assert made.run()["status"] == end
    assert made.now.second == seconds
    if end == "faulted":
        assert made.final["error"]["type"] == TIMEOUT


def test_a_cancellation_is_no_timeout(engine: MakeEngine) -> None:
    made = engine("do: [{t: {try: [{slow: {wait: PT1M, timeout: {after: PT50S}}}], catch: {}}}]")
    made.events = [(5, CANCEL_EVENT)]
    assert made.run() == {"status": "cancelled"}
    assert made.open_timers == []


def test_no_further_call_begins_once_the_instance_is_to_be_cancelled(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - first: {call: processing.discardJob, with: {id: a}}
  - second: {call: processing.discardJob, with: {id: b}}
""",
        workflow_call_function=done({}),
    )
    made.history = [(("event", CANCEL_EVENT), {}, made.now)]
    assert made.run() == {"status": "cancelled"}
    assert len(made.called("workflow_call_function")) == 1
