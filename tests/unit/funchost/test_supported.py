from pathlib import Path
from typing import Any

import pytest

from funchost.definitions import Binding, FunctionDefinition
from funchost.errors import HostError
from funchost.supported import unsupported_bindings


def _function(*others: Binding, trigger: str = "httpTrigger", **properties: Any) -> FunctionDefinition:
    def work() -> None: ...

    first = Binding("req", trigger, False, properties)
    return FunctionDefinition("work", work, Path("/app/function_app.py"), (first, *others), first)


def test_what_this_host_has_is_fine() -> None:
    others = (Binding("$return", "http", True, {}), Binding("rows", "table", False, {}))
    assert unsupported_bindings(_function(*others)) == []


@pytest.mark.parametrize("name", ["eventHubTrigger", "rabbitMQTrigger", "mcpToolTrigger", "kafkaTrigger"])
def test_what_only_the_official_host_has_is_named(name: str) -> None:
    assert unsupported_bindings(_function(trigger=name)) == [name]


def test_every_binding_that_is_not_supported_is_named() -> None:
    others = (Binding("a", "cosmosDB", True, {}), Binding("b", "sql", False, {}))
    assert unsupported_bindings(_function(*others)) == ["cosmosDB", "sql"]
    assert unsupported_bindings(_function(trigger="blobTrigger", source="EventGrid")) == [
        "blobTrigger with source EventGrid"
    ]


@pytest.mark.parametrize(
    ("function", "what", "remedy"),
    [
        (_function(trigger="queueTriger"), "no trigger: queueTriger", "Did you mean queueTrigger?"),
        (_function(Binding("out", "blbo", True, {})), "no output: blbo", "Did you mean blob?"),
        (_function(Binding("in", "queue", False, {})), "no input: queue", "Use one of blob, durableClient, "),
    ],
)
def test_a_type_that_no_host_knows_is_a_mistake(function: FunctionDefinition, what: str, remedy: str) -> None:
    with pytest.raises(HostError, match=what) as caught:
        unsupported_bindings(function)
    assert caught.value.remedy.startswith(remedy)
    assert "test_supported.py:" in caught.value.where
