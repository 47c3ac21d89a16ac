"""Accepting definitions: each mistake by its place and reason."""

from typing import Any

import pytest

from durable.workflow.dsl.accept import accept
from durable.workflow.dsl.mistakes import DefinitionRefused
from durable.workflow.jq_process import JqEvaluator

HEAD = "document: {dsl: '1.0.3', namespace: test, name: case, version: '1.0.0'}\n"

REFUSED = [
    ("do: [{x: {set: {n: 1}, then: nowhere}}]", "/do/0/x/then", "no task nowhere"),
    ("do: [{x: {do: [{y: {set: {n: 1}, then: x}}]}}]", "/do/0/x/do/0/y/then", "no task x"),
    ("do: [{x: {set: {n: '${ .a | }'}}}]", "/do/0/x/set", "not a usable expression"),
    ("do: [{x: {set: {n: '${ 1) | (2 }'}}}]", "/do/0/x/set", "not a usable expression"),
    ("do: [{x: {set: {n: '${ $nope }'}}}]", "/do/0/x/set", "$nope is not defined"),
    ("do: [{x: {if: $input, set: {n: 1}}}]", "/do/0/x/if", "$input is not defined"),
    ("do: [{x: {set: {n: '${ input }'}}}]", "/do/0/x/set", "not supported: input"),
    ("do: [{x: {set: {n: '${ $ENV.PATH }'}}}]", "/do/0/x/set", "not supported: $ENV"),
    ("do: [{x: {set: {n: '${ $secrets.a }'}}}]", "/do/0/x/set", "not supported: $secrets"),
    ("do: [{x: {raise: {error: unknown}}}]", "/do/0/x/raise/error", "no error unknown"),
    ("do: [{x: {try: [], catch: {retry: unknown}}}]", "/do/0/x/catch/retry", "no retry policy unknown"),
    ("do: [{x: {call: processing.run, with: {dataset: d}}}]", "/do/0/x/with", "needs the argument query"),
    ("do: [{x: {call: reporting.discard, with: {id: a, b: c}}}]", "/do/0/x/with", "no argument b"),
    ("do: [{x: {call: nobody.knows}}]", "/do/0/x", "not supported: function nobody.knows"),
    ("do: [{x: {run: {shell: {command: ls}}}}]", "/do/0/x", "not supported: run shell"),
    ("do: [{x: {set: {n: 1}, timeout: unknown}}]", "/do/0/x/timeout", "no timeout unknown"),
    ("do: []\ntimeout: unknown", "/timeout", "no timeout unknown"),
    ("do: [{x: {wait: 5}}]", "/do/0/x/wait", ""),
    ("do: [{x: {wait: P}}]", "/do/0/x/wait", "ISO 8601"),
    ("do: [{x: {nonsense: 1}}]", "/do/0/x", "a task has one of the keys"),
    ("do: [{x: {set: {n: 1}, do: []}}]", "/do/0/x/set", ""),
    ("do: [{x: {set: {n: 1}}, y: {set: {n: 1}}}]", "/do/0", ""),
    ("input: {schema: {document: {type: nonsense}}}\ndo: []", "/input/schema/document", "not a usable JSON Schema"),
    (
        "input: {schema: {document: {$ref: 'http://169.254.169.254/x'}}}\ndo: []",
        "/input/schema/document",
        "may not refer to another document",
    ),
    (
        "do: [{x: {set: {n: 1}, metadata: {compensation: {do: [{u: {call: nobody.knows}}]}}}}]",
        "/do/0/x/metadata/compensation/do/0/u",
        "not supported: function",
    ),
    ("do: " + "[{x: {do: " * 20 + "[]" + "}}]" * 20, "", "deep"),
]


@pytest.mark.parametrize(("body", "path", "reason"), REFUSED)
def test_a_mistake_is_named_with_its_place(body: str, path: str, reason: str, evaluator: JqEvaluator) -> None:
    with pytest.raises(DefinitionRefused) as refused:
        accept((HEAD + body).encode(), evaluator)
    found = [(mistake.path, mistake.reason) for mistake in refused.value.mistakes]
    assert any(at.startswith(path) and reason in why for at, why in found), found


@pytest.mark.parametrize("missing", ["dsl", "namespace", "name", "version"])
def test_the_document_block_is_whole(missing: str, evaluator: JqEvaluator) -> None:
    parts: dict[str, Any] = {"dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1.0.0"}
    del parts[missing]
    text = "document: {" + ", ".join(f"{key}: '{value}'" for key, value in parts.items()) + "}\ndo: []"
    with pytest.raises(DefinitionRefused) as refused:
        accept(text.encode(), evaluator)
    assert [mistake.path for mistake in refused.value.mistakes] == [f"/document/{missing}"]


def test_equal_documents_freeze_to_equal_text(evaluator: JqEvaluator) -> None:
    yaml = HEAD + "do: [{x: {set: {a: 1, b: 2}}}]"
    json = (
        '{"do": [{"x": {"set": {"b": 2, "a": 1}}}],'
        ' "document": {"version": "1.0.0", "name": "case", "namespace": "test", "dsl": "1.0.3"}}'
    )
    assert accept(yaml.encode(), evaluator).frozen == accept(json.encode(), evaluator).frozen
