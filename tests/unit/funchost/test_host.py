from pathlib import Path

import pytest

from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import HostError
from funchost.host import durable_functions, durable_settings


def _definition(name: str, trigger_type: str, **properties: str) -> FunctionDefinition:
    trigger = Binding("x", trigger_type, False, properties)
    return FunctionDefinition(name, print, Path("/app/function_app.py"), (trigger,), trigger)


def test_durable_functions_go_by_the_name_in_their_trigger() -> None:
    functions = [
        _definition("run_order", "orchestrationTrigger", orchestration="order"),
        _definition("pay", "activityTrigger"),
    ]
    assert durable_functions(functions) == {"order": ("orchestrator", "run_order"), "pay": ("activity", "pay")}


def test_a_durable_name_used_twice_is_refused() -> None:
    with pytest.raises(HostError, match="named pay"):
        durable_functions([_definition("pay", "activityTrigger"), _definition("x", "activityTrigger", activity="pay")])


def test_the_hub_name_may_come_from_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", "orders-2")
    assert durable_settings({"hubName": "%HUB%"})["hubName"] == "orders-2"


@pytest.mark.parametrize("name", ["../elsewhere", "2nd", "a" * 46])
def test_a_hub_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(HostError, match="name of a task hub"):
        durable_settings({"hubName": name})
