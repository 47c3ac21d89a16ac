"""The header of a JWT, read strictly before anything in it is believed (RFC 7515, RFC 8725)."""

import json
from base64 import urlsafe_b64decode
from typing import Any

NEVER = frozenset({"jku", "jwk", "x5u", "x5c", "b64", "crit"})
"""Members that would let a token say how it is to be checked (RFC 8725 section 3.10)."""


def read_header(token: str) -> dict[str, Any]:
    """The header. Raises ValueError for one that can't be read, names a member twice, or brings its own key."""
    try:
        encoded = token.partition(".")[0]
        header = json.loads(urlsafe_b64decode(encoded + "=="), object_pairs_hook=_each_once)
    except (TypeError, RecursionError):
        raise ValueError("this is no JWT") from None
    if not isinstance(header, dict) or header.keys() & NEVER:
        raise ValueError("this header is not accepted")
    return header


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7515 section 4: a repeated name is refused, lest two readers take two different values.
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a header parameter is there twice")
    return dict(pairs)
