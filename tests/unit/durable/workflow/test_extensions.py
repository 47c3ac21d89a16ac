"""use.extensions: tasks before and after those that they extend."""

from collections.abc import Callable
from typing import Any

MakeEngine = Callable[..., Any]


def references(made: Any) -> list[str]:
    tasks = {task["sequence"]: task["reference"] for part in made.progress for task in part["tasks"]}
    return [tasks[number] for number in sorted(tasks)]


LOGGING = """
use:
  extensions:
    - logging:
        extend: all
        before: [{log: {emit: {event: {with: {source: 'https://x.example', type: com.example.before,
                                              data: {at: '${ $task.reference }'}}}}}}]
        after: [{log: {emit: {event: {with: {source: 'https://x.example', type: com.example.after,
                                             data: {gave: '${ . }', at: '${ $task.reference }'}}}}}}]
do: [{one: {set: {n: 1}}}]
"""


def test_before_and_after_run_around_the_task_see_it_and_change_nothing(engine: MakeEngine) -> None:
    made = engine(LOGGING, {"given": True})
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"n": 1}
    told = [event for event in made.told if event["type"].startswith("com.")]
    assert [event["type"] for event in told] == ["com.example.before", "com.example.after"]
    assert told[0]["data"] == {"at": "/do/0/one"}
    assert told[1]["data"] == {"gave": {"n": 1}, "at": "/do/0/one"}


def test_the_tasks_of_an_extension_are_not_extended_themselves(engine: MakeEngine) -> None:
    made = engine(LOGGING)
    made.run()
    assert references(made) == [
        "/do/0/one",
        "/use/extensions/0/logging/before/0/log",
        "/use/extensions/0/logging/after/0/log",
    ]


MOCK = """
use:
  extensions:
    - mock:
        extend: call
        when: $task.call == "processing.run" and $task.with.dataset == "mocked"
        before:
          - fake: {set: {id: fake}, then: exit}
          - never: {set: {id: never}}
do:
  - real: {call: processing.run, with: {dataset: '${ .dataset }', query: q}}
  - mocked: {call: processing.run, with: {dataset: mocked, query: q}, output: {as: '{id, filtered: true}'}}
"""


def test_exit_bypasses_the_task_and_gives_its_output(engine: MakeEngine) -> None:
    made = engine(MOCK, {"dataset": "d"}, workflow_call_function=lambda _: {"state": "done", "output": {"id": "real"}})
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == {"id": "fake", "filtered": True}
    assert len(made.called("workflow_call_function")) == 1


def test_an_extension_is_for_its_kind_of_tasks_only(engine: MakeEngine) -> None:
    body = """
use: {extensions: [{count: {extend: composite, before: [{mark: {set: {x: 1}}}]}}]}
do: [{a: {set: {n: 1}}}, {b: {do: [{c: {set: {n: 2}}}]}}]
"""
    made = engine(body)
    made.run()
    assert references(made) == ["/do/0/a", "/do/1/b", "/use/extensions/0/count/before/0/mark", "/do/1/b/do/0/c"]


def test_a_fault_before_a_task_is_the_tasks_fault_and_can_be_caught(engine: MakeEngine) -> None:
    made = engine(
        """
use:
  extensions:
    - guard: {extend: set, before: [{no: {raise: {error: {type: 'https://e.example/no', status: 403}}}}]}
do:
  - t: {try: [{a: {set: {n: 1}}}], catch: {do: [{w: {wait: {milliseconds: 1}, output: {as: $error.status}}}]}}
"""
    )
    assert made.run() == {"status": "completed"}
    assert made.final["output"] == 403


def test_extensions_count_to_the_tasks_time(engine: MakeEngine) -> None:
    made = engine(
        """
use: {extensions: [{slow: {extend: set, before: [{w: {wait: PT1M}}]}}]}
do: [{a: {set: {n: 1}, timeout: {after: PT5S}}}]
"""
    )
    assert made.run()["status"] == "faulted"
    assert made.final["error"]["instance"] == "/do/0/a"
