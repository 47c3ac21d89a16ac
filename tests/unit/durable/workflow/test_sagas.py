"""What is undone, and in which order, when an instance fails or is cancelled."""

from collections.abc import Callable
from typing import Any

from durable.workflow.models import CANCEL_EVENT
from tests.unit.durable.workflow.outcomes import MakeEngine, done, failed

SAGA = """
do:
  - first:
      call: processing.validate
      with: {dataset: d, schema: {name: s}}
      metadata: {compensation: {do: [{undo: {call: processing.discardValidation, with: {id: '${ .output.id }'}}}]}}
  - second:
      call: processing.run
      with: {dataset: d, query: q}
      metadata: {compensation: {do: [{undo: {call: processing.discardJob, with: {id: '${ .output.id }'}}}]}}
  - third: {call: notification.send, with: {subject: s, body: b, channels: [{type: signalr, userId: u}]}}
"""


THIRD = SAGA.splitlines()[-1]


def saga(undo_fails: bool = False) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def call(given: dict[str, Any]) -> dict[str, Any]:
        function = given["function"]
        if function == "notification.send" or (undo_fails and function == "processing.discardJob"):
            return failed(500)
        return {"state": "done", "output": {"id": function}}

    return call


def functions(made: Any) -> list[str]:
    return [call["function"] for call in made.called("workflow_call_function")]


def test_a_fault_undoes_what_completed_last_first(engine: MakeEngine) -> None:
    made = engine(SAGA, workflow_call_function=saga())
    assert made.run()["status"] == "faulted"
    assert functions(made)[3:] == ["processing.discardJob", "processing.discardValidation"]
    assert made.called("workflow_call_function")[3]["arguments"] == {"id": "processing.run"}
    assert [(u["reference"], u["status"]) for u in made.final["compensation"]] == [
        ("/do/1/second", "compensated"),
        ("/do/0/first", "compensated"),
    ]
    assert made.final["error"]["instance"] == "/do/2/third"


def test_a_compensation_that_fails_is_recorded_and_the_others_go_on(engine: MakeEngine) -> None:
    made = engine(SAGA, workflow_call_function=saga(undo_fails=True))
    assert made.run()["status"] == "faulted"
    assert [u["status"] for u in made.final["compensation"]] == ["failed", "compensated"]
    assert made.final["error"]["instance"] == "/do/2/third"


def test_cancelling_undoes_what_completed_and_ends_as_cancelled(engine: MakeEngine) -> None:
    body = SAGA.replace(THIRD, "  - third: {wait: PT1H}")
    made = engine(body, workflow_call_function=saga())
    made.events = [(60, CANCEL_EVENT)]
    assert made.run() == {"status": "cancelled"}
    assert functions(made)[2:] == ["processing.discardJob", "processing.discardValidation"]
    assert made.open_timers == []
    assert [task["state"] for part in made.progress for task in part["tasks"]][-3:].count("cancelled") <= 1


def test_a_document_may_leave_cancelled_instances_as_they_are(engine: MakeEngine) -> None:
    body = SAGA.replace(THIRD, "  - third: {wait: PT1H}")
    made = engine(body, workflow_call_function=saga())
    made.start["definition"] = made.start["definition"].replace(
        '"dsl":"1.0.3",', '"dsl":"1.0.3","metadata":{"compensation":{"on":["fault"]}},'
    )
    made.events = [(60, CANCEL_EVENT)]
    assert made.run() == {"status": "cancelled"}
    assert functions(made) == ["processing.validate", "processing.run"]


def test_one_task_needs_one_activity_and_its_record_travels_with_it(engine: MakeEngine) -> None:
    made = engine(SAGA, workflow_call_function=done({"id": "x"}))
    assert made.run() == {"status": "completed"}
    assert [name for name, _ in made.calls] == ["workflow_call_function"] * 3 + ["workflow_record_progress"]
