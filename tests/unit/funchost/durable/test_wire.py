"""The protocol between host and SDK."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext
from hypothesis import given
from hypothesis import strategies as st

from funchost.durable.actions import ActionType
from funchost.durable.errors import MalformedDecision, UnsupportedAction
from funchost.durable.events import EventType, HistoryEvent, format_time
from funchost.durable.wire import orchestrator_argument, parse_json, read_decision, read_failure

NOW = format_time(datetime(2026, 1, 1, tzinfo=UTC))
TIMER = {"actionType": 5, "fireAt": "2026-01-01T00:00:00.000000Z", "isCanceled": True}
ACTIVITY = {"actionType": 0, "functionName": "a", "input": "1"}


def state(**more: Any) -> str:
    return json.dumps({"isDone": False, "schemaVersion": 2, "actions": [[]]} | more)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_the_sdk_reads_the_input_that_was_given(value: Any) -> None:
    raw = json.dumps(json.dumps(value))
    started = HistoryEvent(EventType.EXECUTION_STARTED, NOW, fields={"Name": "o", "Version": None, "_trace": "t"})
    turn = [HistoryEvent(EventType.ORCHESTRATOR_STARTED, NOW), started]
    argument = orchestrator_argument("id", "parent", raw, [], turn)
    context = DurableOrchestrationContext.from_json(argument)
    assert (context.get_input(), context.instance_id, context.parent_instance_id) == (value, "id", "parent")
    assert not hasattr(context.histories[1], "_trace")


def test_compound_actions_become_leaves_in_order() -> None:
    nested = [
        {"actionType": 12, "compoundActions": [ACTIVITY, {"actionType": 11, "compoundActions": [TIMER, ACTIVITY]}]}
    ]
    leaves = read_decision(state(actions=[nested])).actions
    assert [leaf.type for leaf in leaves] == [
        ActionType.CALL_ACTIVITY,
        ActionType.CREATE_TIMER,
        ActionType.CALL_ACTIVITY,
    ]
    assert leaves[1].cancelled
    assert leaves[1].fire_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_error_of_an_orchestrator_comes_with_the_actions_before_it() -> None:
    text = state(actions=[[ACTIVITY]], error="boom", customStatus={"a": 1})
    decision = read_failure(f"boom\n\n$OutOfProcData$:{text}")
    assert (decision.error, len(decision.actions), decision.custom_status) == ("boom", 1, '{"a": 1}')


def test_any_other_exception_is_an_error_in_its_own_words() -> None:
    assert read_failure("no such module").error == "no such module"


@pytest.mark.parametrize("returned", [None, 3, "", "[]", "{}", "nonsense", state(actions=[[3]])])
def test_what_is_not_a_state_is_refused(returned: Any) -> None:
    with pytest.raises(MalformedDecision):
        read_decision(returned)


@pytest.mark.parametrize(("number", "name"), [(13, "13"), (99, "99")])
def test_an_action_that_is_not_supported_is_named(number: int, name: str) -> None:
    with pytest.raises(UnsupportedAction, match=name):
        read_decision(state(actions=[[{"actionType": number}]]))


def test_text_that_is_not_json_is_its_own_value() -> None:
    assert (parse_json("{"), parse_json("[1]"), parse_json(None)) == ("{", [1], None)
