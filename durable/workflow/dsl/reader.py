"""Reads a definition's text, JSON or YAML 1.2, so that hostile text costs little and is refused in plain words."""

import json
import math
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

MAX_TEXT_BYTES = 131_072
MAX_NODES = 20_000
MAX_DEPTH = 64
_BRACKETS = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableDefinition(ValueError):
    """The text is not a JSON or YAML document that can be taken; the message says why."""


class _JsonTypesConstructor(SafeConstructor):
    """Builds only what JSON has: a date stays the text that was written, as YAML 1.2's core schema has it."""


_JsonTypesConstructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
for _tag in ("binary", "set", "omap", "pairs"):
    _JsonTypesConstructor.add_constructor(f"tag:yaml.org,2002:{_tag}", SafeConstructor.construct_undefined)


def read_document(text: bytes) -> dict[str, Any]:
    """The document as JSON values.

    Raises UnreadableDefinition when it is too large, too deep, expands too far through aliases, repeats a key, or
    holds what JSON can't.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise UnreadableDefinition(f"a definition is at most {MAX_TEXT_BYTES} bytes; this one has {len(text)}")
    try:
        source = text.decode("utf-8")
        _check_brackets(source)
        document = _load_json(source) if source.lstrip()[:1] == "{" else _load_yaml(source)
    except UnicodeDecodeError:
        raise UnreadableDefinition("a definition is UTF-8 text") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise UnreadableDefinition(f"not a readable document: {_first_line(error)}") from None
    if not isinstance(document, dict):
        raise UnreadableDefinition("a definition is a mapping with at least the keys document and do")
    return dict(_json_value(document, 0, [MAX_NODES]))


def _check_brackets(source: str) -> None:
    """Refuse deep flow nesting before the parser, whose time grows with its square; strings are counted as well."""
    depth = 0
    for bracket in _BRACKETS.findall(source):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > 4 * MAX_DEPTH:
            raise ValueError("nested too deep")


def _load_json(source: str) -> Any:
    try:
        return json.loads(source, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        return _load_yaml(source)  # a YAML flow mapping also starts with a brace


def _load_yaml(source: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _JsonTypesConstructor
    yaml.composer.warn_double_anchors = False  # one line of our log for each would be the sender's to choose
    return yaml.load(source)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _json_value(value: Any, depth: int, budget: list[int]) -> Any:
    """A copy that shares nothing; counts every visit, so that nested aliases can't expand without end."""
    budget[0] -= 1
    if budget[0] < 0 or depth > MAX_DEPTH:
        raise UnreadableDefinition(f"a definition has at most {MAX_NODES} values, {MAX_DEPTH} deep, aliases expanded")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise UnreadableDefinition("every key of a definition is a string")
        return {_text(key): _json_value(item, depth + 1, budget) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item, depth + 1, budget) for item in value]
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise UnreadableDefinition(f"{type(value).__name__} values have no place in a definition")


def _text(value: str) -> str:
    """The string itself; an escape can make half a surrogate pair, which no UTF-8 text can hold."""
    if _SURROGATE.search(value):
        raise UnreadableDefinition("a string of the definition holds half a surrogate pair")
    return value


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{getattr(error, 'problem', None) or str(error).splitlines()[0]}{where}"
