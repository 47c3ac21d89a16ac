"""The published schema, its examples and our models agree on what is a definition."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from durable.workflow.dsl.accept import accept
from durable.workflow.dsl.checks import check_definition
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import DefinitionRefused, from_validation
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.reader import read_document
from durable.workflow.jq_process import JqEvaluator
from tests.conformance.open_workflow.mutations import mutations

HERE = Path(__file__).parent
RICH, WHOLE = (HERE / "rich.yaml").read_bytes(), (HERE / "whole.yaml").read_bytes()


REFUSED_KINDS = ("call-asyncapi", "call-mcp", "run-container", "run-return")
"""The examples that name a broker, an MCP server or a container."""


def test_every_published_example_is_valid_by_the_published_schema(examples: dict[str, bytes], official: Any) -> None:
    assert len(examples) == 66
    assert [name for name, text in examples.items() if not official.is_valid(read_document(text))] == []


def test_every_published_example_is_accepted_or_says_what_is_not_supported(
    examples: dict[str, bytes], evaluator: JqEvaluator, record_property: Any
) -> None:
    outcomes: Counter[str] = Counter()
    called_invalid = {}
    for name, text in examples.items():
        try:
            accept(text, evaluator, Permissions(processes=True, files=True))
            outcomes["accepted"] += 1
        except DefinitionRefused as refused:
            outcomes["not supported"] += 1
            assert any(name.startswith(kind) for kind in REFUSED_KINDS), name
            if not refused.only_unsupported or not all(m.path.startswith("/") for m in refused.mistakes):
                called_invalid[name] = str(refused)
            assert check_definition(Definition.model_validate(read_document(text)), evaluator) == [], name
    record_property("outcomes", dict(outcomes))
    print(f"published examples: {dict(outcomes)}")
    assert called_invalid == {}
    assert outcomes["accepted"] >= 50


def test_our_own_examples_are_valid_by_the_published_schema_and_accepted(official: Any, evaluator: JqEvaluator) -> None:
    demo = (Path(__file__).resolve().parents[3] / "examples" / "flight-delays" / "workflow.yaml").read_bytes()
    for text in (RICH, demo):
        assert [error.message for error in official.iter_errors(read_document(text))] == []
        accept(text, evaluator)


def test_a_definition_that_uses_the_whole_language_is_one_by_the_schema_and_by_the_models(official: Any) -> None:
    document = read_document(WHOLE)
    assert [error.message for error in official.iter_errors(document)] == []
    Definition.model_validate(document)


def test_the_models_take_and_refuse_what_the_published_schema_does(examples: dict[str, bytes], official: Any) -> None:
    tried: Counter[str] = Counter()
    differ = []
    for name, document in documents(examples):
        for what, mutated in mutations(document):
            wanted, mistakes = official.is_valid(mutated), model_mistakes(mutated)
            tried["valid" if wanted else "refused"] += 1
            if wanted == bool(mistakes) and "/metadata" not in what:
                differ.append(f"{name}: {what}: the schema says {wanted}, the models {mistakes}")
    print(f"mutations: {dict(tried)}")
    assert differ == []
    assert min(tried.values()) > 3000


def test_a_malformed_compensation_is_refused_though_the_schema_leaves_metadata_open() -> None:
    document = read_document(RICH)
    document["do"][1]["validate"]["metadata"]["compensation"]["do"][0]["discard"] = {"call": 5}
    assert [place for place, _ in model_mistakes(document)] == [
        "/do/1/validate/metadata/compensation/do/0/discard/call"
    ]


@pytest.mark.parametrize("text", ["do: 5", "document: {}", "do: [{a: {run: {}}}]", "use: {functions: {f: {}}}"])
def test_a_mistake_has_its_place_and_a_reason(text: str) -> None:
    found = model_mistakes(read_document(text.encode()))
    assert found
    assert all(place.startswith("/") and reason for place, reason in found)


def documents(examples: dict[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The published examples, and our two definitions in pieces: a mutation of a small document is soon judged."""
    yield from ((name, read_document(text)) for name, text in examples.items())
    for text in (RICH, WHOLE):
        whole = read_document(text)
        yield f"{whole['document']['name']} without tasks", {**whole, "do": []}
        for task in whole["do"]:
            yield f"{whole['document']['name']} {next(iter(task))}", {"document": whole["document"], "do": [task]}


def model_mistakes(document: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        Definition.model_validate(document)
    except ValidationError as error:
        return [(mistake.path, mistake.reason) for mistake in from_validation(error, document)]
    return []
