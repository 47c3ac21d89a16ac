"""Takes secret values out of what an activity hands back: the history, the read model and errors never hold them."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 6
"""Shorter values are left alone: taking every `on` or `123` out of an answer would destroy it and hide nothing."""


def secret_texts(values: Iterable[Any]) -> frozenset[str]:
    """Every text within the values that is to be taken out, in each form in which it may come back."""
    return frozenset(
        form for value in values for text in _texts(value) if len(text) >= SHORTEST for form in _forms(text)
    )


def scrub(value: Any, secrets: frozenset[str]) -> Any:
    """The value with every secret within its texts, keys and numbers replaced by `***`."""
    if not secrets:
        return value
    return _scrub(value, sorted(secrets, key=len, reverse=True))


def _scrub(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, dict):
        return {_scrub(key, secrets): _scrub(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item, secrets) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in secrets:
        return MASK
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        yield from (line for line in value.splitlines() if len(line.strip()) >= SHORTEST)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _forms(text: str) -> set[str]:
    escaped = json.dumps(text)[1:-1]
    return {text, escaped, json.dumps(text, ensure_ascii=False)[1:-1], quote(text, safe=""), quote(text),
            quote_plus(text), b64encode(text.encode()).decode()}  # fmt: skip
