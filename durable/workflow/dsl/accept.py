"""The one way in: text becomes an accepted definition, or is refused with every mistake and its place."""

import json
from dataclasses import dataclass

from pydantic import ValidationError

from durable.workflow.dsl.checks import check_definition
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import DefinitionRefused, Mistake, from_validation
from durable.workflow.dsl.reader import UnreadableDefinition, read_document
from durable.workflow.dsl.support import unsupported
from durable.workflow.expressions import Evaluator


@dataclass(frozen=True)
class Accepted:
    """A definition that will run. `frozen` is its canonical JSON text: equal documents have equal text."""

    definition: Definition
    frozen: str


def accept(text: bytes, evaluator: Evaluator) -> Accepted:
    """Read, type and check a definition.

    Raises DefinitionRefused. What is not supported is named first and alone: only when nothing of that kind is left
    are the models asked whether the rest is well-formed.
    """
    try:
        document = read_document(text)
    except UnreadableDefinition as error:
        raise DefinitionRefused([Mistake("", str(error))]) from None
    if mistakes := unsupported(document):
        raise DefinitionRefused(mistakes)
    try:
        definition = Definition.model_validate(document)
    except ValidationError as error:
        raise DefinitionRefused(from_validation(error, document)) from None
    if mistakes := check_definition(definition, evaluator):
        raise DefinitionRefused(mistakes)
    return Accepted(definition, json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
