"""How much room a value takes."""

import json
from typing import Any

import orjson


def json_bytes(value: Any) -> int:
    """How many bytes the value's compact JSON has."""
    try:
        return len(orjson.dumps(value))
    except TypeError:  # an integer of more than 64 bits, half a surrogate pair
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))
