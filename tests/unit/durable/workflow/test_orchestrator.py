"""The orchestrator as a pure generator: scenarios of the specification's conformance kit and our own additions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable.workflow.faults import STANDARD
from durable.workflow.interpretation import run as limits
from tests.unit.durable.workflow.outcomes import MakeEngine, output_of

COMMUNICATION = STANDARD + "communication"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


FLOWS = {
    "each task's output is the next one's input": (
        """
do:
  - setRed: {set: {colors: '${ .colors + ["red"] }'}}
  - setGreen: {set: {colors: '${ .colors + ["green"] }'}}
""",
        None,
        {"colors": ["red", "green"]},
    ),
    "then names the task that comes next": (
        """
do:
  - one: {set: {n: '${ [1] }'}, then: three}
  - two: {set: {n: '${ .n + [2] }'}, then: end}
  - three: {set: {n: '${ .n + [3] }'}, then: two}
""",
        None,
        {"n": [1, 3, 2]},
    ),
    "a switch goes to the first case that holds": (
        """
do:
  - choose: {switch: [{red: {when: '.color == "red"', then: setRed}}, {other: {then: setOther}}]}
  - setRed: {set: {colors: red}, then: end}
  - setOther: {set: {colors: '${ $input.color }'}, then: end}
""",
        {"color": "yellow"},
        {"colors": "yellow"},
    ),
    "a switch without a match follows its own directive": (
        """
do:
  - choose: {switch: [{red: {when: '.color == "red"', then: setRed}}], then: end}
  - setRed: {set: {colors: red}}
""",
        {"color": "yellow"},
        {"color": "yellow"},
    ),
    "a loop hands each round's output to the next": (
        """
do:
  - loop:
      for: {each: color, in: .colors}
      do:
        - mark:
            set:
              processed: '${ {colors: (.processed.colors + [$color]), indexes: (.processed.indexes + [$index])} }'
""",
        {"colors": ["red", "green"]},
        {"processed": {"colors": ["red", "green"], "indexes": [0, 1]}},
    ),
    "while ends a loop early": (
        """
do:
  - loop: {for: {each: n, in: '[1, 2, 3]'}, while: $n < 3, do: [{keep: {set: {last: '${ $n }'}}}]}
""",
        None,
        {"last": 2},
    ),
    "a task whose condition does not hold is skipped": (
        "do: [{one: {if: .go, set: {ran: true}}}]",
        {"go": False},
        {"go": False},
    ),
    "exit leaves the list and the flow goes on after it": (
        """
do:
  - inner: {do: [{one: {set: {n: 1}, then: exit}}, {two: {set: {n: 2}}}]}
  - after: {set: {n: '${ .n + 10 }'}}
""",
        None,
        {"n": 11},
    ),
    "end within a nested list ends the workflow": (
        """
do:
  - inner: {do: [{one: {set: {n: 1}, then: end}}, {two: {set: {n: 2}}}]}
  - after: {set: {n: 10}}
""",
        None,
        {"n": 1},
    ),
    "input.from, output.as and export.as shape the data": (
        """
input: {from: .user}
do:
  - take:
      input: {from: .name}
      set: {name: '${ . }', raw: '${ $task.input.name }'}
      output: {as: '. + {more: $input}'}
      export: {as: {kept: '${ $output.more }'}}
  - use: {set: {kept: '${ $context.kept }', who: '${ $workflow.input.user.name }', at: '${ $task.reference }'}}
output: {as: '. + {last: true}'}
""",
        {"user": {"name": "Ada"}},
        {"kept": "Ada", "who": "Ada", "at": "/do/1/use", "last": True},
    ),
    "a bare string is a literal where no expression is asked for": (
        "do: [{one: {set: {text: .a, value: '${ .a }'}}}]",
        {"a": 1},
        {"text": ".a", "value": 1},
    ),
    "a fork gives its branches' outputs in declared order": (
        "do: [{both: {fork: {branches: [{a: {set: {n: 1}}}, {b: {set: {n: 2}}}]}}}]",
        None,
        [{"n": 1}, {"n": 2}],
    ),
    "a caught error without handler gives the block's input": (
        """
do: [{t: {try: [{f: {raise: {error: {type: 'https://e.example/x', status: 400}}}}], catch: {}}}]
""",
        {"a": 1},
        {"a": 1},
    ),
    "a handler sees the error under the given name": (
        """
do:
  - t:
      try: [{f: {raise: {error: {type: 'https://e.example/x', status: 404, detail: '${ "no " + .a }'}}}}]
      catch:
        errors: {with: {status: 404}}
        as: problem
        do: [{note: {set: {at: '${ $problem.instance }', why: '${ $problem.detail }'}}}]
""",
        {"a": "way"},
        {"at": "/do/0/t/try/0/f", "why": "no way"},
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_flow(name: str, engine: MakeEngine) -> None:
    body, given, expected = FLOWS[name]
    assert output_of(engine(body, given)) == expected


def test_a_raised_error_faults_the_instance_and_points_at_the_task(engine: MakeEngine) -> None:
    made = engine("do: [{f: {raise: {error: {type: 'https://e.example/x', status: 400, title: Compliance}}}}]")
    assert made.run()["status"] == "faulted"
    assert made.final["error"] == {
        "type": "https://e.example/x", "status": 400, "title": "Compliance", "instance": "/do/0/f",
        "detail": None, "problem": None,
    }  # fmt: skip
    kinds = [type.removeprefix("io.serverlessworkflow.") for type in made.event_types]
    assert kinds == [
        "workflow.started.v1",
        "task.created.v1",
        "task.started.v1",
        "task.faulted.v1",
        "workflow.faulted.v1",
    ]


def test_an_error_that_the_filter_does_not_fit_is_not_caught(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - t:
      try: [{f: {raise: {error: {type: 'https://e.example/x', status: 400}}}}]
      catch: {errors: {with: {status: 404}}, do: [{note: {set: {caught: true}}}]}
"""
    )
    assert made.run()["status"] == "faulted"


def test_an_expression_that_fails_is_an_expression_error(engine: MakeEngine) -> None:
    made = engine("do: [{f: {set: {n: '${ .a + 1 }'}}}]", {"a": "text"})
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["type"] == STANDARD + "expression"
    assert made.final["error"]["instance"] == "/do/0/f"


def test_a_definition_that_goes_round_for_ever_is_ended(engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_IDLE_RUNS", 500)
    made = engine("do: [{a: {set: {n: 1}, then: b}}, {b: {set: {n: 2}, then: a}}]")
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["title"] == "Too many task runs"
    assert all(len(part["tasks"]) + len(part["events"]) < 100 for part in made.progress)


def test_a_wait_takes_the_orchestrations_time_and_shows_as_waiting(engine: MakeEngine) -> None:
    made = engine("do: [{w: {wait: PT26H}}]")
    assert output_of(made) is None
    assert made.now == EPOCH + timedelta(hours=26)
    assert made.progress[0]["status"] == "waiting"


def test_our_own_storage_being_away_is_waited_for(engine: MakeEngine) -> None:
    answers = iter([RuntimeError("storage"), RuntimeError("storage")])

    def record(_: dict[str, Any]) -> bool:
        if error := next(answers, None):
            raise error
        return True

    assert output_of(engine("do: [{s: {set: {n: 1}}}]", workflow_record_progress=record)) == {"n": 1}


def test_the_first_branch_to_complete_wins_a_competition(engine: MakeEngine) -> None:
    made = engine("do: [{race: {fork: {compete: true, branches: [{slow: {wait: PT9S}}, {fast: {wait: PT2S}}]}}}]", 7)
    assert output_of(made) == 7
    assert (made.now.second, made.open_timers) == (2, [])


def test_branches_run_at_the_same_time(engine: MakeEngine) -> None:
    made = engine("do: [{both: {fork: {branches: [{a: {wait: PT9S}}, {b: {wait: PT5S}}]}}}]", 7)
    assert output_of(made) == [7, 7]
    assert made.now.second == 9


def test_a_workflow_cannot_announce_in_the_name_of_a_service(engine: MakeEngine) -> None:
    made = engine("do: [{e: {emit: {event: {with: {source: 'https://x.example', type: processing.job.completed}}}}}]")
    assert made.run()["status"] == "faulted"
    assert "processing.job.completed" not in made.event_types


def test_too_large_an_output_is_refused_by_name(engine: MakeEngine) -> None:
    made = engine("do: [{big: {set: {text: '${ \"x\" * 1000001 }'}}}]")
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["status"] == 413


def test_now_is_the_orchestrations_time(engine: MakeEngine) -> None:
    made = engine("do: [{w: {wait: PT2H}}, {s: {set: {at: '${ now | todate }'}}}]")
    assert output_of(made) == {"at": "2026-01-01T02:00:00Z"}


def test_an_expression_may_go_over_several_lines(engine: MakeEngine) -> None:
    assert output_of(engine('do: [{s: {set: {n: "${ .a\\n+ 1 }"}}}]', {"a": 1})) == {"n": 2}


def test_errors_may_be_caught_by_their_former_type(engine: MakeEngine) -> None:
    made = engine(
        """
do:
  - t:
      try: [{f: {set: {n: '${ .a + 1 }'}}}]
      catch: {errors: {with: {type: 'https://serverlessworkflow.io/dsl/errors/types/expression'}}}
""",
        {"a": "text"},
    )
    assert output_of(made) == {"a": "text"}
