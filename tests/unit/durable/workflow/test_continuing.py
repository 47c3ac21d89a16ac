"""Continuing as new: long loops keep a short history and lose nothing of where they stood."""

from collections.abc import Callable
from typing import Any

import pytest

from durable.workflow.faults import STANDARD
from durable.workflow.interpretation import run as limits
from durable.workflow.models import CANCEL_EVENT

MakeEngine = Callable[..., Any]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RUNS_EACH", 7)
    monkeypatch.setattr(limits, "EFFECTS_EACH", 12)


def call(given: dict[str, Any]) -> dict[str, Any]:
    return {"state": "done", "output": {"id": given["arguments"]["id"]}}


LOOP = """
do:
  - prepare: {set: {sum: 0}, export: {as: {from: start}}}
  - each:
      for: {each: n, in: '[range(40)]', at: i}
      while: $i < 35
      do:
        - add: {set: {sum: '${ .sum + $n }'}}
        - call: {call: processing.discardJob, with: {id: '${ $n | tostring }'}, output: {as: $input}}
  - end: {set: {sum: '${ .sum }', from: '${ $context.from }', first: '${ $workflow.startedAt.iso8601 }'}}
"""


def test_a_long_loop_gives_what_it_would_have_given_at_once(engine: MakeEngine) -> None:
    made = engine(LOOP, workflow_call_function=call)
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"sum": sum(range(35)), "from": "start", "first": "2026-01-01T00:00:00.000Z"}
    assert made.executions > 8
    assert made.longest_history < 20


def test_each_task_is_recorded_once_and_in_order(engine: MakeEngine) -> None:
    made = engine(LOOP, workflow_call_function=call)
    made.run()
    tasks = {task["sequence"]: task for part in made.progress for task in part["tasks"]}
    assert sorted(tasks) == list(range(1, 1 + 1 + 1 + 35 * 2 + 1))
    assert {task["state"] for task in tasks.values()} == {"completed"}
    assert [part["revision"] for part in made.progress] == list(range(1, len(made.progress) + 1))
    ids = [event["id"] for event in made.told]
    assert len(ids) == len(set(ids))
    assert made.event_types.count("io.serverlessworkflow.workflow.started.v1") == 1


def test_calls_keep_their_own_keys(engine: MakeEngine) -> None:
    made = engine(LOOP, workflow_call_function=call)
    made.run()
    keys = [given["key"] for given in made.called("workflow_call_function")]
    assert keys == [f"i1:/do/1/each/do/1/call:{number}" for number in range(1, 36)]


def test_going_round_by_then_is_continued_too(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - step: {set: {n: '${ (.n // 0) + 1 }'}}
  - again: {switch: [{more: {when: .n < 50, then: step}}, {enough: {then: end}}]}
"""
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"n": 50}
    assert made.executions > 5


def test_what_completed_before_is_undone_after(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - each:
      for: {each: n, in: '[range(10)]'}
      do:
        - make:
            call: processing.discardJob
            with: {id: '${ "make \\($n)" }'}
            metadata:
              compensation:
                do: [{undo: {call: processing.discardJob, with: {id: '${ "undo \\($n) \\(.output.id)" }'}}}]
  - fail: {raise: {error: {type: 'https://e.example/x', status: 500}}}
""",
        workflow_call_function=call,
    )
    assert made.run()["status"] == "faulted"
    undone = [given["arguments"]["id"] for given in made.called("workflow_call_function")][10:]
    assert undone == [f"undo {n} make {n}" for n in reversed(range(10))]
    assert made.executions > 1


def test_a_timeout_around_the_loop_keeps_its_deadline(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - outer:
      timeout: {after: PT10M}
      do: [{each: {for: {in: '[range(1000)]'}, do: [{w: {wait: PT10S}}]}}]
"""
    )
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["type"] == STANDARD + "timeout"
    assert (made.now.minute, made.now.second) == (10, 0)
    assert made.executions > 3


def test_retries_are_counted_through(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - guarded:
      try:
        - loop: {for: {in: '[range(5)]'}, do: [{w: {wait: PT1S}}]}
        - fail: {raise: {error: {type: 'https://e.example/x', status: 500}}}
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 3}}}
        do:
          - loop: {for: {in: '[range(20)]'}, do: [{w: {wait: PT1S}}, {s: {set: {why: '${ $error.status }'}}}]}
"""
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"why": 500}
    tried = [task for part in made.progress for task in part["tasks"] if task["reference"] == "/do/0/guarded"][-1]
    assert (tried["attempts"], tried["state"]) == (4, "completed")
    assert made.now.second == (4 * 5 + 3 + 20) % 60


def test_a_cancellation_that_was_lost_in_between_is_found(engine: MakeEngine) -> None:
    asked = iter([True, True, False])
    made = engine(
        "do: [{each: {for: {in: '[range(100)]'}, do: [{w: {wait: PT1S}}]}}]",
        workflow_check_going=lambda _: next(asked),
    )
    assert made.run() == {"status": "cancelled"}
    assert made.executions == 4


def test_a_cancellation_is_taken_by_any_execution(engine: MakeEngine) -> None:
    made = engine("do: [{each: {for: {in: '[range(100)]'}, do: [{w: {wait: PT1S}}]}}]")
    made.events = [(55, CANCEL_EVENT)]
    assert made.run() == {"status": "cancelled"}
    assert made.now.second == 55


def test_branches_of_a_fork_are_not_continued_and_have_a_limit_of_their_own(
    engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "do: [{f: {fork: {branches: [{a: {for: {in: '[range(30)]'}, do: [{w: {wait: PT1S}}]}}]}}}, {s: {set: {n: 1}}}]"
    )
    made = engine(body)
    assert made.run() == {"status": "completed"}
    monkeypatch.setattr(limits, "MAX_RUNS_AT_ONCE", 20)
    made = engine(body)
    assert made.run()["status"] == "faulted"
    assert "branches of a fork" in made.final["error"]["detail"]


def test_an_extended_loop_runs_its_extension_once(engine: MakeEngine) -> None:
    made = engine(
        """
use: {extensions: [{mark: {extend: for, before: [{b: {set: {x: 1}}}], after: [{a: {set: {x: 1}}}]}}]}
do: [{each: {for: {in: '[range(30)]'}, do: [{s: {set: {n: '${ $item }'}}}]}}]
"""
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"n": 29}
    sequences = {task["sequence"]: task["name"] for part in made.progress for task in part["tasks"]}
    assert list(sequences.values()).count("b") == list(sequences.values()).count("a") == 1
    assert made.executions > 2


def test_listening_goes_on_in_a_new_execution_and_loses_no_event(engine: MakeEngine) -> None:
    body = """
do:
  - hear:
      listen: {to: {any: [{with: {type: x}}], until: '. | length >= 60'}}
      foreach: {item: event, do: [{one: {set: {n: '${ $event }'}}}, {two: {set: {n: '${ .n + 1 }'}}}]}
"""
    events = [{"specversion": "1.0", "id": str(n), "source": "/t", "type": "x", "data": n} for n in range(60)]
    opened: list[str] = []

    def record(progress: dict[str, Any]) -> dict[str, Any]:
        opened.extend(item["id"] for item in progress["opens"])
        return {"missed": {}, "kept": [item["id"] for item in progress["opens"]]}

    def take(request: dict[str, Any]) -> dict[str, Any]:
        first = int(max(request["done"], default="-1")) + 1
        found = {f"{n:03}": {"key": f"k{n}", "event": events[n]} for n in range(first, min(first + 4, 60))}
        return {"events": found, "more": True}

    made = engine(body, workflow_record_progress=record, workflow_take_events=take)
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == [{"n": n + 1} for n in range(60)]
    assert opened == ["1"]
    assert made.executions > 5


def test_what_completed_in_a_function_is_undone_after_many_executions(engine: MakeEngine) -> None:
    made = engine(
        """
use:
  functions:
    make:
      do:
        - made:
            call: processing.discardJob
            with: {id: '${ "made " + .n }'}
            metadata:
              compensation: {do: [{undo: {call: processing.discardJob, with: {id: '${ "undo " + .output.id }'}}}]}
do:
  - first: {call: make, with: {n: '1'}}
  - each: {for: {in: '[range(30)]'}, do: [{s: {set: {n: '${ $item }'}}}]}
  - inFunction: {call: make, with: {n: '2'}}
  - fails: {raise: {error: {type: 'https://x.example/e', status: 500}}}
""",
        workflow_call_function=call,
    )
    assert made.run() == {"status": "faulted"}
    assert made.executions > 3
    called = [given["arguments"]["id"] for given in made.called("workflow_call_function")]
    assert called == ["made 1", "made 2", "undo made 2", "undo made 1"]


def test_a_function_that_loops_is_continued_in_its_middle(engine: MakeEngine) -> None:
    made = engine(
        """
use: {functions: {count: {do: [{each: {for: {in: '[range(40)]'}, do: [{s: {set: {n: '${ .n + 1 }'}}}]}}]}}}
do: [{a: {call: count, with: {n: '${ .start }'}}}]
""",
        {"start": 2},
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"n": 42}
    assert made.executions > 4
