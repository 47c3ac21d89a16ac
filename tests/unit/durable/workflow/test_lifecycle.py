"""Lifecycle events have the types and exactly the members that the specification gives them."""

from collections.abc import Callable
from typing import Any

from durable.workflow.models import CANCEL_EVENT

MakeEngine = Callable[..., Any]
NAME = "case-i1.test"
START = "2026-01-01T00:00:00.000Z"


def events(made: Any) -> list[tuple[str, Any]]:
    return [(event["type"].removeprefix("io.serverlessworkflow."), event["data"]) for event in made.told]


def test_a_workflow_and_its_task_tell_of_their_beginning_and_end(engine: MakeEngine) -> None:
    made = engine("do: [{s: {set: {n: 1}}}]")
    made.run()
    assert events(made) == [
        (
            "workflow.started.v1",
            {
                "name": NAME,
                "definition": {"name": "case", "namespace": "test", "version": "1.0.0"},
                "startedAt": START,
            },
        ),
        ("task.created.v1", {"workflow": NAME, "task": "/do/0/s", "createdAt": START}),
        ("task.started.v1", {"workflow": NAME, "task": "/do/0/s", "startedAt": START}),
        ("task.completed.v1", {"workflow": NAME, "task": "/do/0/s", "completedAt": START, "output": {"n": 1}}),
        ("workflow.completed.v1", {"name": NAME, "completedAt": START, "output": {"n": 1}}),
    ]


def test_an_output_that_an_event_has_no_room_for_is_left_out(engine: MakeEngine) -> None:
    made = engine("do: [{s: {set: {text: '${ [range(9000)] | map(\"x\") | add }'}}}]")
    made.run()
    assert "output" not in dict(events(made))["workflow.completed.v1"]


def test_a_fault_tells_its_error_of_the_task_and_of_the_workflow(engine: MakeEngine) -> None:
    made = engine("do: [{r: {raise: {error: {type: 'https://x.y/e', status: 418, title: Teapot}}}}]")
    made.run()
    error = {"type": "https://x.y/e", "status": 418, "title": "Teapot", "instance": "/do/0/r"}
    told = dict(events(made))
    assert told["task.faulted.v1"] == {"workflow": NAME, "task": "/do/0/r", "faultedAt": START, "error": error}
    assert told["workflow.faulted.v1"] == {"name": NAME, "faultedAt": START, "error": error}


def test_a_retry_and_a_cancellation_are_told(engine: MakeEngine) -> None:
    body = """
do:
  - t:
      try: [{r: {raise: {error: {type: 'https://x.y/e', status: 500}}}}]
      catch: {retry: {delay: PT1S, limit: {attempt: {count: 1}}}, do: [{w: {wait: PT1H}}]}
"""
    made = engine(body)
    made.events = [(60.0, CANCEL_EVENT)]
    made.run()
    told = dict(events(made))
    assert told["task.retried.v1"] == {"workflow": NAME, "task": "/do/0/t", "retriedAt": START}
    assert told["task.cancelled.v1"]["task"] == "/do/0/t"
    assert told["workflow.cancelled.v1"] == {"name": NAME, "cancelledAt": "2026-01-01T00:01:00.000Z"}


def test_a_correlation_tells_the_keys_that_it_found(engine: MakeEngine) -> None:
    body = "do: [{h: {listen: {to: {one: {with: {type: x}, correlate: {o: {from: .data.o}}}}}}}]"
    given = {"key": "k", "event": {"specversion": "1.0", "id": "1", "source": "/t", "type": "x", "data": {"o": 7}}}
    made = engine(body, workflow_record_progress=lambda p: {"missed": {o["id"]: given for o in p["opens"]}})
    made.run()
    told = dict(events(made))
    assert told["workflow.correlation-started.v1"] == {"name": NAME, "startedAt": START}
    assert told["workflow.correlation-completed.v1"] == {
        "name": NAME,
        "completedAt": START,
        "correlationKeys": {"o": "7"},
    }
