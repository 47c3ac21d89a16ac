"""listen, as the orchestrator sees it: a fake delivery wakes it, and every replay asks for the same."""

from collections.abc import Callable
from typing import Any

from durable.workflow.models import CANCEL_EVENT

MakeEngine = Callable[..., Any]


def cloud_event(type: str, data: Any = None, id: str = "1", **attributes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id, "source": "/test", "type": type, "data": data, **attributes}


def delivered(event: dict[str, Any]) -> dict[str, Any]:
    return {"key": event["source"] + event["id"], "event": event}


class Street:
    """Delivers events to whatever listens: keeps those for streams, hands out first ones."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = [delivered(event) for event in events]
        self.opened: list[dict[str, Any]] = []
        self.closed: list[str] = []

    def record(self, progress: dict[str, Any]) -> dict[str, Any]:
        self.opened += progress["opens"]
        self.closed += progress["closes"]
        missed, kept = {}, []
        for listener in progress["opens"]:
            new = [item for item in self.events if item["key"] not in listener["skip"]]
            if listener["mode"] == "first" and new:
                missed[listener["id"]] = new[0]
            elif new:
                kept.append(listener["id"])
        return {"missed": missed, "kept": kept}

    def take(self, request: dict[str, Any]) -> dict[str, Any]:
        left = {f"{n:03}": item for n, item in enumerate(self.events) if f"{n:03}" > max(request["done"], default="")}
        return {"events": left, "more": False}


def listening(engine: MakeEngine, body: str, street: Street, given: Any = None) -> Any:
    return engine(body, given, workflow_record_progress=street.record, workflow_take_events=street.take)


def output_of(made: Any) -> Any:
    assert made.run() == {"status": "completed"}, made.final["error"]
    return made.final["output"]


def test_one_event_is_given_as_an_array_of_its_data(engine: MakeEngine) -> None:
    street = Street()
    made = listening(engine, "do: [{hear: {listen: {to: {one: {with: {type: a.b}}}}}}]", street)
    made.events = [(5.0, "listen:1:1")]
    made.payloads["listen:1:1"] = delivered(cloud_event("a.b", {"n": 1}))
    assert output_of(made) == [{"n": 1}]
    assert [item["owner"] for item in street.opened] == ["i1"]
    assert len(street.closed) == 1


def test_waiting_for_an_event_asks_for_nothing_but_the_event(engine: MakeEngine) -> None:
    made = listening(engine, "do: [{hear: {listen: {to: {one: {with: {type: a.b}}}}}}]", Street())
    made.events = [(86_400.0, "listen:1:1")]
    made.payloads["listen:1:1"] = delivered(cloud_event("a.b"))
    made.run()
    assert [kind for kind, _ in made.asked].count("timer") == 0
    assert made.turns <= 4


def test_an_event_that_came_before_is_taken_at_once(engine: MakeEngine) -> None:
    made = listening(
        engine,
        "do: [{hear: {listen: {to: {any: []}, read: envelope}}}]",
        Street(cloud_event("x", {"n": 1}, subject="s")),
    )
    assert output_of(made)[0]["subject"] == "s"


def test_raw_data_is_its_text(engine: MakeEngine) -> None:
    made = listening(engine, "do: [{hear: {listen: {to: {any: []}, read: raw}}}]", Street(cloud_event("x", {"n": [1]})))
    assert output_of(made) == ['{"n":[1]}']


def test_all_waits_for_one_event_of_each_filter_that_correlate(engine: MakeEngine) -> None:
    body = """
do:
  - hear:
      listen:
        to:
          all:
            - {with: {type: hot}, correlate: {room: {from: .data.room}}}
            - {with: {type: wet}, correlate: {room: {from: .data.room}}}
"""
    street = Street(
        cloud_event("hot", {"room": 1}, "1"),
        cloud_event("wet", {"room": 2}, "2"),
        cloud_event("hot", {"room": 1, "again": True}, "3"),
        cloud_event("wet", {"room": 1}, "4"),
    )
    assert output_of(listening(engine, body, street)) == [{"room": 1}, {"room": 1}]


def test_any_goes_on_until_the_condition_holds(engine: MakeEngine) -> None:
    body = "do: [{hear: {listen: {to: {any: [], until: '(. | length) > 2'}}}}]"
    street = Street(*(cloud_event("x", n, str(n)) for n in range(5)))
    assert output_of(listening(engine, body, street)) == [0, 1, 2]


def test_any_goes_on_until_another_event_which_is_not_in_the_output(engine: MakeEngine) -> None:
    body = "do: [{hear: {listen: {to: {any: [{with: {type: x}}], until: {one: {with: {type: stop}}}}}}}]"
    street = Street(
        cloud_event("x", 1, "1"), cloud_event("y", 9, "2"), cloud_event("stop", 0, "3"), cloud_event("x", 2, "4")
    )
    assert output_of(listening(engine, body, street)) == [1]


def test_an_event_that_is_delivered_twice_is_handled_once(engine: MakeEngine) -> None:
    body = "do: [{hear: {listen: {to: {any: [], until: '(. | length) > 1'}}}}]"
    first = cloud_event("x", 1, "1")
    assert output_of(listening(engine, body, Street(first, first, cloud_event("x", 2, "2")))) == [1, 2]


def test_foreach_handles_events_in_order_and_shapes_each_output(engine: MakeEngine) -> None:
    body = """
do:
  - hear:
      listen: {to: {any: [], until: '(. | length) > 1'}}
      foreach:
        item: event
        at: i
        do: [{mark: {set: {n: '${ $event.n * 10 }', at: '${ $i }'}}}]
        output: {as: '. + {from: $event.n}'}
        export: {as: '{last: .n}'}
  - after: {set: {all: '${ . }', last: '${ $context.last }'}}
"""
    street = Street(cloud_event("x", {"n": 1}, "1"), cloud_event("x", {"n": 2}, "2"))
    assert output_of(listening(engine, body, street)) == {
        "all": [{"n": 10, "at": 0, "from": 1}, {"n": 20, "at": 1, "from": 2}],
        "last": 20,
    }


def test_a_loop_takes_another_event_in_each_round(engine: MakeEngine) -> None:
    body = """
do:
  - each:
      for: {each: n, in: '[1, 2]'}
      do: [{hear: {listen: {to: {one: {with: {type: x}}}}, export: {as: '[($context[]?), 1]'}}}]
output: {as: $context}
"""
    street = Street(cloud_event("x", 1, "1"), cloud_event("x", 2, "2"))
    made = listening(engine, body, street)
    assert output_of(made) == [1, 1]
    assert [item["skip"] for item in street.opened] == [[], ["/test1"]]


def test_both_branches_of_a_fork_get_the_event(engine: MakeEngine) -> None:
    body = """
do:
  - both:
      fork:
        branches:
          - one: {listen: {to: {one: {with: {type: x}}}}}
          - two: {listen: {to: {one: {with: {type: x}}}}}
"""
    made = listening(engine, body, Street())
    made.events = [(1.0, "listen:1:1"), (1.0, "listen:2:1")]
    made.payloads = dict.fromkeys(("listen:1:1", "listen:2:1"), delivered(cloud_event("x", 7)))
    assert output_of(made) == [[7], [7]]


def test_a_filter_sees_the_tasks_input_and_a_condition_the_events_data(engine: MakeEngine) -> None:
    body = """
do:
  - hear:
      listen:
        to:
          any:
            - with: {type: 'order\\..*', subject: '${ .order }', data: '${ .total > $input.least }'}
"""
    street = Street(cloud_event("order.paid", {"total": 5}, subject="o1"))
    made = listening(engine, body, street, {"order": "o1", "least": 3})
    made.run()
    [test] = street.opened[0]["tests"]
    assert test["equal"] == {"subject": "o1"}
    assert test["match"] == {"type": "order\\..*"}
    assert test["arguments"] == {"input": {"order": "o1", "least": 3}}


def test_a_cancelled_listener_is_closed(engine: MakeEngine) -> None:
    street = Street()
    made = listening(engine, "do: [{hear: {listen: {to: {one: {with: {type: x}}}}}}]", street)
    made.events = [(1.0, CANCEL_EVENT)]
    assert made.run() == {"status": "cancelled"}
    assert len(street.closed) == 1
    assert made.open_timers == []


def test_an_emitted_event_has_all_that_its_definition_gives(engine: MakeEngine) -> None:
    body = """
do:
  - tell:
      emit:
        event:
          with:
            {id: '${ "o-\\(.n)" }', source: https://shop.example, type: order.placed, subject: s, custom: x, data: [1]}
"""
    made = engine(body, {"n": 7})
    assert output_of(made)["id"] == "o-7"
    [event] = [event for event in made.told if event["type"] == "order.placed"]
    assert event["data"] == [1]
    assert event["attributes"]["custom"] == "x"
    assert event["attributes"]["source"] == "https://shop.example"


def test_an_emitted_event_cant_claim_to_be_anothers(engine: MakeEngine) -> None:
    made = engine("do: [{t: {emit: {event: {with: {source: 'https://x.y', type: a, tenantid: other}}}}}]")
    assert made.run()["status"] == "faulted"
    assert "tenantid" in made.final["error"]["detail"]
