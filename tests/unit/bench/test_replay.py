"""The turns that the SDK's replay is measured with."""

import json

import azure.functions as func
import pytest

from bench.apps.chain.function_app import STEPS, app
from bench.replay import turns_of_chain

CHAIN = next(f.get_user_function() for f in app.get_functions() if f.get_function_name() == "chain")


@pytest.mark.parametrize("lean", [True, False])
def test_each_turn_schedules_the_next_step_and_the_last_one_ends(lean: bool) -> None:
    turns = turns_of_chain("chain", "add_one", range(1, STEPS + 1), lean=lean)
    states = [json.loads(CHAIN(func.OrchestrationContext(turn))) for turn in turns]
    assert [state["isDone"] for state in states] == [False] * STEPS + [True]
    assert [len(state["actions"][0]) for state in states[:-1]] == list(range(1, STEPS + 1))
    assert states[-1]["output"] == STEPS
