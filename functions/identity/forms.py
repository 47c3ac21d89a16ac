"""Form bodies and HTTP Basic credentials, read strictly (RFC 6749 sections 2.3.1 and 3.2)."""

import base64
import binascii
from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import parse_qsl, unquote_plus

from functions.identity.errors import InvalidClient, OAuthError

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 16_384
MAX_FIELDS = 20

Form = Mapping[str, str]
"""Parameters by name; one that was sent without a value is left out, as the RFC asks."""


def read_form(content_type: str | None, body: bytes) -> Form:
    """The parameters of a form-encoded body. Raises OAuthError when it is anything else, or names one twice."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise OAuthError(f"the body must be {FORM}")
    if len(body) > MAX_FORM_BYTES:
        raise OAuthError("the body is too large")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
            separator="&",
        )
    except ValueError:
        raise OAuthError("the body can't be read as a form") from None
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise OAuthError("a parameter was sent more than once")
    return {name: value for name, value in pairs if value}


def read_basic(header: str) -> tuple[str, str]:
    """Client id and secret of an Authorization header. Raises InvalidClient when it is not well-formed Basic."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        client_id, colon, secret = text.partition(":")
        decoded = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        raise InvalidClient from None
    if not colon or not all(decoded):
        raise InvalidClient
    return decoded


def caller_address(headers: Mapping[str, str]) -> str:
    """Where the edge took the request from: the last entry of X-Forwarded-For, its own. Empty for callers inside.

    Of an IPv6 address the first 64 bits: the rest is a single site's to choose, for each request anew.
    """
    told = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        address = ip_address(told)
    except ValueError:
        return told[:64]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False).network_address)
    return told
