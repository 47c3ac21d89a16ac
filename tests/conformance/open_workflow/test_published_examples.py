"""What the official schema refuses we refuse; what it accepts we accept, or say what of it is not supported."""

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from durable.workflow.dsl.accept import accept
from durable.workflow.dsl.mistakes import DefinitionRefused, Mistake
from durable.workflow.dsl.reader import read_document
from durable.workflow.jq_process import JqEvaluator

RICH = Path(__file__).with_name("rich.yaml").read_bytes()
WRONG: tuple[Any, ...] = (None, 42, {}, "", True, [], [{}], {"unknown": {}})


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
            accept(text, evaluator)
            outcomes["accepted"] += 1
        except DefinitionRefused as refused:
            outcomes["not supported"] += 1
            if not refused.only_unsupported or not all(m.path.startswith("/") for m in refused.mistakes):
                called_invalid[name] = str(refused)
    record_property("outcomes", dict(outcomes))
    print(f"published examples: {dict(outcomes)}")
    assert called_invalid == {}
    assert outcomes["accepted"] >= 6


def test_our_own_examples_are_valid_by_the_published_schema_and_accepted(official: Any, evaluator: JqEvaluator) -> None:
    demo = (Path(__file__).resolve().parents[3] / "examples" / "flight-delays" / "workflow.yaml").read_bytes()
    for text in (RICH, demo):
        assert [error.message for error in official.iter_errors(read_document(text))] == []
        accept(text, evaluator)


def test_no_mutation_that_the_published_schema_refuses_is_accepted(
    examples: dict[str, bytes], official: Any, evaluator: JqEvaluator
) -> None:
    tried = refused_by_both = 0
    escaped = []
    for name, text in {**examples, "rich.yaml": RICH}.items():
        for what, mutated in mutations(read_document(text), WRONG if text is RICH else WRONG[:3]):
            tried += 1
            if official.is_valid(mutated):
                continue
            try:
                accept(json.dumps(mutated).encode(), evaluator)
                escaped.append(f"{name}: {what}")
            except DefinitionRefused:
                refused_by_both += 1
    print(f"mutations: {tried}, refused by the schema and by us: {refused_by_both}")
    assert escaped == []
    assert refused_by_both > 1000


BEYOND_SHAPE = ("not supported", "there is no", "needs the argument", "has no argument", "not a usable")
"""Reasons that a schema can't know: names that don't exist, catalog arguments, expressions."""

STRICTER = {
    "/do/2/each/for/each": "an expression can't see a variable without a name",
    "/do/2/each/for/at": "likewise",
    "/do/6/guarded/catch/as": "likewise",
    "/do/3/choose": "the specification allows one default case, its schema any number",
    "/do/4/loud/emit/event/with": "an event without attributes can't be emitted",
}


def test_what_the_schema_accepts_is_not_called_malformed(official: Any, evaluator: JqEvaluator) -> None:
    wrongly = []
    for what, mutated in mutations(read_document(RICH)):
        if official.is_valid(mutated):
            try:
                accept(json.dumps(mutated).encode(), evaluator)
            except DefinitionRefused as refused:
                wrongly += [f"{what}: {mistake}" for mistake in refused.mistakes if not ours(mistake)]
    assert wrongly == []


def ours(mistake: Mistake) -> bool:
    """Whether a mistake lies beyond what the published schema says: our metadata, or one of the reasons above."""
    known = "/metadata" in mistake.path or mistake.path in STRICTER
    return known or any(words in mistake.reason for words in BEYOND_SHAPE)


def mutations(document: dict[str, Any], wrong: tuple[Any, ...] = WRONG) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one value removed, replaced by something of another kind, or one key added."""
    for path in places(document):
        for change, value in [("remove", None), *(("replace", value) for value in wrong), ("add", None)]:
            mutated = deepcopy(document)
            if apply(mutated, path, change, value):
                yield f"{change} {value!r} at /{'/'.join(map(str, path))}", mutated


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*path, key))


def apply(document: Any, path: tuple[Any, ...], change: str, value: Any) -> bool:
    for part in path[:-1]:
        document = document[part]
    if change == "remove":
        del document[path[-1]]
    elif change == "replace":
        document[path[-1]] = value
    elif isinstance(document[path[-1]], dict):
        document[path[-1]]["unknownKey"] = 1
    else:
        return False
    return True
