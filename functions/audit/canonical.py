"""Canonical JSON (RFC 8785): one sequence of bytes for one value, whoever writes it.

Integers keep all their digits, also beyond 2**53, where RFC 8785 would round them to a double: an audit trail must not
lose digits. Raises ValueError for what JSON can't hold (NaN, infinities, lone surrogates, other types).
"""

import math
from typing import Any

import orjson


def canonical_json(value: Any) -> bytes:
    """The canonical bytes of a JSON value (dict, list, str, int, float, bool, None)."""
    return _text(value).encode()


def _text(value: Any) -> str:
    match value:
        case None | bool() | str():
            return _literal(value)
        case int():
            return str(value)
        case float():
            return _number(value)
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case dict():
            return "{" + ",".join(f"{_literal(key)}:{_text(value[key])}" for key in _ordered(value)) + "}"
    raise ValueError(f"JSON holds no {type(value).__name__}")


def _literal(value: str | bool | None) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise ValueError("the text is not valid Unicode") from None


def _ordered(value: dict[Any, Any]) -> list[str]:
    """Keys by their UTF-16 code units (RFC 8785 section 3.2.3)."""
    if not all(isinstance(key, str) for key in value):
        raise ValueError("the keys of a JSON object are strings")
    return sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _number(value: float) -> str:
    """A double as ECMAScript writes it, shortest digits first (RFC 8785 section 3.2.2.3)."""
    if not math.isfinite(value):
        raise ValueError("JSON holds no NaN or infinity")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits, exponent = _shortest(abs(value))
    return sign + _ecmascript(digits, exponent)


def _shortest(value: float) -> tuple[str, int]:
    """The shortest digits d1d2…dk and n, such that the value is 0.d1d2…dk times 10**n."""
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + ("" if fraction == "0" else fraction)
    position = len(whole) + int(power or 0)
    stripped = digits.lstrip("0")
    position -= len(digits) - len(stripped)
    return stripped.rstrip("0"), position


def _ecmascript(digits: str, n: int) -> str:
    """ECMA-262 Number::toString, steps 6 to 10."""
    k = len(digits)
    if k <= n <= 21:
        return digits + "0" * (n - k)
    if 0 < n <= 21:
        return digits[:n] + "." + digits[n:]
    if -6 < n <= 0:
        return "0." + "0" * -n + digits
    mantissa = digits if k == 1 else digits[0] + "." + digits[1:]
    return f"{mantissa}e{'+' if n > 0 else '-'}{abs(n - 1)}"
