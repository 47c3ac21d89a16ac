"""Opaque page tokens: the id to go on after."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import Query

from functions.identity.errors import BadPageToken

After = Annotated[str | None, Query(max_length=1024, description="The `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def token_of(id: str) -> str:
    """The token that leads on after an id."""
    return urlsafe_b64encode(id.encode()).decode("ascii").rstrip("=")


def id_of(token: str | None) -> str | None:
    """The id of a token. Raises BadPageToken for one that no page gave."""
    if token is None:
        return None
    try:
        id = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        id = ""
    if not id or token_of(id) != token:
        raise BadPageToken("send the `next` of an earlier page, or nothing")
    return id
