"""ETags and the conditions of requests on them (RFC 9110 section 13)."""

from functions.metadata.errors import ETagMismatch

ETAG_HEX_DIGITS = 32


def etag_of(digest: str, revision: int | None = None) -> str:
    """The strong ETag of content with this digest, and of its revision where one is counted."""
    prefix = "" if revision is None else f"{revision}-"
    return f'"{prefix}{digest[:ETAG_HEX_DIGITS]}"'


def check_if_match(if_match: str | None, present: str | None) -> None:
    """Raise ETagMismatch unless `if_match` is absent, names the present ETag, or is `*` and there is one."""
    if if_match is None:
        return
    if present is None or (if_match.strip() != "*" and present not in _listed(if_match)):
        raise ETagMismatch("read the present state and its ETag, then try again")


def is_unchanged(if_none_match: str | None, present: str) -> bool:
    """Whether the caller has the present state already (304)."""
    return if_none_match is not None and (if_none_match.strip() == "*" or present in _listed(if_none_match))


def _listed(header: str) -> set[str]:
    return {etag.strip().removeprefix("W/") for etag in header.split(",")}
