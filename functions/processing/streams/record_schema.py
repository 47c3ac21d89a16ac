"""A schema of metadata as a stream's: its fields, and the check of each message by all of it."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from functions.processing.streams.definition import FieldKind

LINEAR_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)
"""As metadata compiles it, which has also seen to it that a schema is cheap to check."""

MAX_REASON_CHARACTERS = 300


class InvalidRecord(Exception):
    """The message does not fit the schema; the text says which field and why."""


def fields_of(document: Mapping[str, Any]) -> dict[str, FieldKind]:
    """The properties that a query can name, with their kinds; those that hold objects, lists or a mixture are not."""
    properties: Mapping[str, Any] = document.get("properties") or {}
    kinds = {name: _kind(_resolved(document, definition)) for name, definition in properties.items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def compiled(document: dict[str, Any]) -> jsonschema_rs.Validator:
    """The validator of a document that metadata has accepted."""
    return jsonschema_rs.Draft202012Validator(
        document, validate_formats=True, pattern_options=LINEAR_PATTERNS, offline=True
    )


def refuse_unfit(validator: jsonschema_rs.Validator, data: Any) -> None:
    """Raise InvalidRecord, with place and reason, for data that do not fit."""
    if validator.is_valid(data):
        return
    error = next(iter(validator.iter_errors(data)))
    place = "".join(f"/{part}" for part in error.instance_path)
    raise InvalidRecord(f"{place or 'the message'}: {error.message}"[:MAX_REASON_CHARACTERS])


def _kind(definition: Any) -> FieldKind | None:
    given = definition.get("type") if isinstance(definition, Mapping) else None
    types = {given} if isinstance(given, str) else set(given or ())
    types.discard("null")
    if types == {"integer", "number"}:
        return "number"
    if len(types) != 1:
        return None
    (only,) = types
    if only == "string":
        return "timestamp" if definition.get("format") == "date-time" else "string"
    kinds: dict[str, FieldKind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
    return kinds.get(only)


def _resolved(document: Mapping[str, Any], definition: Any) -> Any:
    """Follow one local reference (`#/$defs/name`)."""
    reference = definition.get("$ref") if isinstance(definition, Mapping) else None
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return definition
    target: Any = document
    for part in reference[2:].split("/"):
        target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
    return target
