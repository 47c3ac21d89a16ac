"""How ETags are made of what is stored."""

ETAG_HEX_DIGITS = 32


def etag_of(digest: str, revision: int | None = None) -> str:
    """The strong ETag of content with this digest, and of its revision where one is counted."""
    prefix = "" if revision is None else f"{revision}-"
    return f'"{prefix}{digest[:ETAG_HEX_DIGITS]}"'
