"""Which features a definition uses, and which of them are refused."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.features import MAX_NESTING, features
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.reader import read_document
from durable.workflow.dsl.support import REFUSED, unsupported

WHOLE = Path(__file__).parents[4] / "conformance" / "open_workflow" / "whole.yaml"


def whole() -> dict[str, Any]:
    """The whole language, and beyond it what no valid document of it has at once."""
    document = read_document(WHOLE.read_bytes())
    document["document"]["dsl"] = "2.0.0"
    document["unknown"] = 1
    document["output"]["schema"]["format"] = "avro"
    topic = {"document": {"endpoint": "platform://events"}, "operation": "x", "server": {"name": "s"}}
    consume = {"consume": {"amount": 1, "for": {"minutes": 1}}}
    document["do"] += [{"topic": {"call": "asyncapi", "with": {**topic, "subscription": consume}}}]
    there = {"uri": "https://host/{name}", "authentication": {"use": "known"}}
    document["do"] += [{"checked": {"set": {"a": 1}, "output": {"schema": {"resource": {"endpoint": there}}}}}]
    document["do"] += [{"far": {"call": "log@ours"}}, {"url": {"call": "https://host/function.yaml"}}, nested(20)]
    return document


def nested(levels: int) -> dict[str, Any]:
    task: dict[str, Any] = {"set": {"a": 1}}
    for _ in range(levels):
        task = {"do": [{"inner": deepcopy(task)}]}
    return {"outer": task}


def test_every_refusal_is_of_a_feature_that_is_found() -> None:
    found = {name for name, _ in features(Definition.model_validate(whole()))}
    assert set(REFUSED) - found == set()


def test_each_use_of_what_is_refused_is_named_with_its_place() -> None:
    document = read_document(WHOLE.read_bytes())
    document["unknown"] = 1
    found = [
        (mistake.path, mistake.reason) for mistake in unsupported(Definition.model_validate(document), Permissions())
    ]
    assert ("/unknown", "not supported: unknown key (the DSL has no such key)") in found
    assert any(path == "/do/7/agent" and "call a2a" in reason for path, reason in found)


def test_schemas_are_found_wherever_they_stand() -> None:
    elsewhere = {"schema": {"resource": {"endpoint": "https://host/{name}"}}}
    listen = {"listen": {"to": {"any": []}}, "foreach": {"output": elsewhere, "export": elsewhere}}
    head = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1.0.0"}}
    definition = Definition.model_validate({**head, "do": [{"hear": listen}], "output": elsewhere})
    found = [path for name, path in features(definition) if name == "schema resource by expression"]
    assert [path[:-3] for path in found] == [
        ("output",),
        ("do", 0, "hear", "foreach", "output"),
        ("do", 0, "hear", "foreach", "export"),
    ]


def test_tasks_may_stand_in_fifteen_others_and_no_more() -> None:
    head = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1.0.0"}}
    allowed = Definition.model_validate({**head, "do": [nested(MAX_NESTING - 1)]})
    assert unsupported(allowed, Permissions()) == []
    refused = Definition.model_validate({**head, "do": [nested(MAX_NESTING)]})
    assert [mistake.path.count("/do/") for mistake in unsupported(refused, Permissions())] == [MAX_NESTING + 1]


def test_the_page_lists_what_is_refused_and_why() -> None:
    page = (Path(__file__).parents[5] / "docs" / "workflow.md").read_text()
    table = page.split("| refused | why |\n|---|---|\n")[1].split("\n\n")[0]
    assert table.splitlines() == [f"| {name} | {why} |" for name, why in sorted(REFUSED.items())]
