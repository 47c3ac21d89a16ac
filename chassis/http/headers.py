"""Response headers as an operation's document tells of them."""

from typing import Any


def described(name: str, text: str, *, always: bool = True, **schema: Any) -> dict[str, Any]:
    """One header, a string unless `schema` says else; `always`: every answer of the status has it, the edge's too."""
    return {name: {"description": text, "required": always, "schema": {"type": "string", **schema}}}


ETAG = described("ETag", "The entity tag, for If-Match and If-None-Match where they are taken (RFC 9110 section 8.8.3)")
LOCATION = described("Location", "Where to go on (RFC 9110 section 10.2.2)", format="uri-reference")
CACHE_CONTROL = described("Cache-Control", "Whether the answer may be kept, and how long (RFC 9111 section 5.2)")
CONTENT_DISPOSITION = described("Content-Disposition", "The file's name (RFC 6266)")
