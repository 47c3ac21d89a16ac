"""The published schema and examples of the DSL, read where they lie beside the repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from durable.workflow.jq_process import JqEvaluator

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "open-workflow"


@pytest.fixture(scope="session")
def published() -> Path:
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published schema and examples are not at {PUBLISHED}")
    return PUBLISHED


@pytest.fixture(scope="session")
def official(published: Path) -> Any:
    schema = YAML(typ="safe", pure=True).load(published / "schema" / "workflow.yaml")
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@pytest.fixture(scope="session")
def evaluator() -> Iterator[JqEvaluator]:
    evaluator = JqEvaluator()
    yield evaluator
    evaluator.close()


@pytest.fixture(scope="session")
def examples(published: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((published / "examples").glob("*.yaml"))}
