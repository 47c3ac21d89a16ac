"""The one way in: text becomes an accepted definition, or is refused with every mistake and its place."""

import json
from dataclasses import dataclass

from pydantic import ValidationError

from durable.workflow.dsl.checks import check_definition
from durable.workflow.dsl.definition import Definition
from durable.workflow.dsl.mistakes import DefinitionRefused, Mistake, from_validation
from durable.workflow.dsl.permissions import Permissions
from durable.workflow.dsl.reader import UnreadableDefinition, read_document
from durable.workflow.dsl.support import unsupported
from durable.workflow.expressions import Evaluator


@dataclass(frozen=True)
class Accepted:
    """A definition that will run. `frozen` is its canonical JSON text: equal documents have equal text."""

    definition: Definition
    frozen: str


def accept(text: bytes, evaluator: Evaluator, permissions: Permissions = Permissions()) -> Accepted:
    """Read, type and check a definition; `permissions` are what the operator allows.

    Raises DefinitionRefused: with what is malformed; when nothing is, with all that is not supported; when nothing is
    of that kind either, with what can't work, such as names that don't exist.
    """
    try:
        document = read_document(text)
    except UnreadableDefinition as error:
        raise DefinitionRefused([Mistake("", str(error))]) from None
    try:
        definition = Definition.model_validate(document)
    except ValidationError as error:
        raise DefinitionRefused(from_validation(error, document)) from None
    if mistakes := unsupported(definition, permissions):
        raise DefinitionRefused(mistakes)
    if mistakes := check_definition(definition, evaluator):
        raise DefinitionRefused(mistakes)
    return Accepted(definition, json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
