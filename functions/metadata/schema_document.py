"""A JSON Schema document: what is accepted, what makes two of them the same, and the compiled validator."""

from hashlib import sha256
from typing import Any

import jsonschema_rs
import orjson

from functions.metadata.errors import DocumentTooLarge, InvalidSchema, NotJson
from functions.metadata.schema_graph import SchemaRefused, check_cost, escape

MAX_SCHEMA_BYTES = 262_144
MAX_DEPTH = 100
DIALECT = "https://json-schema.org/draft/2020-12/schema"

# The linear engine: no look-around and no back-references, but no pattern can take more than linear time.
LINEAR_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, the same whatever the order of its keys. Raises NotJson as text_of does."""
    return sha256(text_of(value, orjson.OPT_SORT_KEYS)).hexdigest()


def text_of(value: Any, option: int = 0) -> bytes:
    """A JSON value as text. Raises NotJson for what can't be kept: lone surrogates, integers past 64 bits."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError as error:
        raise NotJson(f"the value can't be kept: {error}") from None


def compile_schema(document: dict[str, Any]) -> jsonschema_rs.Validator:
    """The validator of an accepted document; formats are checked, patterns run in linear time, nothing is fetched."""
    return jsonschema_rs.Draft202012Validator(
        document, validate_formats=True, pattern_options=LINEAR_PATTERNS, offline=True
    )


def check_schema(document: Any, size_bytes: int) -> dict[str, Any]:
    """The document when it is a JSON Schema 2020-12 that is safe to run.

    Raises DocumentTooLarge, and InvalidSchema with the place (JSON pointer) and the reason.
    """
    if size_bytes > MAX_SCHEMA_BYTES:
        raise DocumentTooLarge(f"a schema has at most {MAX_SCHEMA_BYTES} bytes")
    if not isinstance(document, dict):
        raise _invalid("", "a schema is a JSON object")
    if document.get("$schema", DIALECT) != DIALECT:
        raise _invalid("/$schema", f"only {DIALECT} is supported")
    if is_deeper(document, MAX_DEPTH):
        raise _invalid("", f"the document is nested more than {MAX_DEPTH} deep")
    try:
        jsonschema_rs.meta.validate(document)
        check_cost(document)
        compile_schema(document)
    except SchemaRefused as refused:
        raise _invalid(refused.field, refused.reason) from None
    except jsonschema_rs.ValidationError as error:
        raise _invalid(pointer_of(error.instance_path), _plain(error)) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _invalid("", str(error)[:300]) from None
    return document


def pointer_of(path: list[str | int]) -> str:
    """A path as a JSON pointer."""
    return "".join("/" + escape(part) for part in path)


def is_deeper(value: Any, depth: int) -> bool:
    """Whether objects and arrays are nested more than `depth` deep."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            part
            for container in level
            if isinstance(container, dict | list)
            for part in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return True


def _plain(error: jsonschema_rs.ValidationError) -> str:
    if error.message.endswith('is not a "regex"'):
        return f"{error.message[:200]} (look-around and back-references are not supported, nor are huge repetitions)"
    return error.message[:300]


def _invalid(field: str, reason: str) -> InvalidSchema:
    return InvalidSchema(f"{field or 'the schema'}: {reason}", errors=[{"field": field, "reason": reason}])
