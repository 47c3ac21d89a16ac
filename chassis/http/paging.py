"""Opaque page tokens: the key to go on after, the same in every service; each refuses with an error of its own."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import Query

from chassis.errors import InvalidInput

After = Annotated[str | None, Query(max_length=1024, description="The `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def token_of(key: str) -> str:
    """The token that leads on after a key."""
    return urlsafe_b64encode(key.encode()).decode("ascii").rstrip("=")


def key_of(token: str | None, refused: type[InvalidInput]) -> str | None:
    """The key of a token, None for the first page. Raises `refused` for a token that no page gave."""
    if token is None:
        return None
    try:
        key = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        key = ""
    if not key or token_of(key) != token:
        raise refused("send the `next` of an earlier page, or nothing")
    return key
