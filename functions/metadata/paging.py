"""Opaque page tokens, refused in the service's own words."""

from chassis.http import paging
from chassis.http.paging import After, Limit, token_of
from functions.metadata.errors import BadPageToken

__all__ = ["After", "Limit", "key_of", "token_of"]


def key_of(token: str | None) -> str | None:
    """The key of a token. Raises BadPageToken for one that no page gave."""
    return paging.key_of(token, BadPageToken)
