"""Event filters: what they take, what they leave, and where their listeners are found."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.workflow.dsl.events import EventFilter
from durable.workflow.eventing.filters import Correlate, EventTest, resolve, takes
from durable.workflow.eventing.index import Shape, place_of, places_for, type_key
from durable.workflow.expressions import fill
from durable.workflow.jq_process import JqEvaluator

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "https://shop.example/orders",
    "type": "order.paid",
    "subject": "o-1",
    "priority": 3,
    "data": {"total": 5, "customer": {"id": "c1", "vip": True}},
}


def resolved(evaluator: JqEvaluator, with_: dict[str, Any], given: Any, **correlate: Any) -> EventTest:
    filter = EventFilter.model_validate({"with": with_, **({"correlate": correlate} if correlate else {})})
    return resolve(filter, lambda part: fill(evaluator, part, given, {"input": given}), {"input": given})


TAKEN = [
    {"type": "order.paid"},
    {"type": r"order\..*"},
    {"source": "https://shop.example/orders"},
    {"type": "order.paid", "priority": 3},
    {"subject": "${ .order }"},
    {"data": "${ .total > 4 }"},
    {"data": "${ .total > $input.least }"},
    {"data": {"customer": {"id": "c1"}}},
    {"data": {"total": "${ .total }"}},
    {"data": '${ {total: 5, customer: {id: "c1", vip: true}} }'},
]
LEFT = [
    {"type": "order.pai"},
    {"type": "orderXpaid"},
    {"type": "(paid)+"},
    {"subject": "o-2"},
    {"unknown": "x"},
    {"data": "${ .total > 5 }"},
    {"data": "${ .total.nothing.here }"},
    {"data": {"customer": {"id": "c1", "more": 1}}},
    {"data": "order"},
]
INPUT = {"order": "o-1", "least": 4, "total": 5}


@pytest.mark.parametrize("with_", TAKEN)
def test_a_filter_takes_what_fits(evaluator: JqEvaluator, with_: dict[str, Any]) -> None:
    assert takes(evaluator, resolved(evaluator, with_, INPUT), EVENT)


@pytest.mark.parametrize("with_", LEFT)
def test_a_filter_leaves_what_does_not_fit(evaluator: JqEvaluator, with_: dict[str, Any]) -> None:
    assert not takes(evaluator, resolved(evaluator, with_, INPUT), EVENT)


def test_an_expected_correlation_decides_with_the_filter(evaluator: JqEvaluator) -> None:
    known = {"from": ".data.customer.id", "expect": "${ .customer }"}
    assert takes(evaluator, resolved(evaluator, {"type": "order.paid"}, {"customer": "c1"}, c=known), EVENT)
    assert not takes(evaluator, resolved(evaluator, {"type": "order.paid"}, {"customer": "c2"}, c=known), EVENT)


@settings(deadline=None)
@given(wanted=st.text(max_size=20), other=st.text(max_size=20), by_subject=st.booleans())
def test_a_listener_is_found_by_exactly_the_events_with_its_values(
    evaluator: JqEvaluator, wanted: str, other: str, by_subject: bool
) -> None:
    equal = {"type": "t", **({"subject": "s"} if by_subject else {})}
    place = place_of(EventTest(equal=equal, correlate=(Correlate(name="c", program=".data", expect=wanted),)))
    shapes = {type_key("t"): [place.shape, Shape()]}
    for value in (wanted, other):
        event = {"type": "t", "subject": "s", "data": value}
        assert (place.prefix in places_for(evaluator, event, shapes)) == (value == wanted)


def test_an_event_without_the_values_is_looked_up_without_them(evaluator: JqEvaluator) -> None:
    shapes = {type_key("t"): [Shape(programs=(".data.id",)), Shape()]}
    assert places_for(evaluator, {"type": "t", "data": 5}, shapes) == [f"s!{type_key('t')}!-!-!"]
