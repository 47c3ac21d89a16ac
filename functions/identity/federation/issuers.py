"""Other issuers' tokens, checked by the keys that the issuer publishes (OpenID Connect Discovery 1.0)."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, cast
from weakref import WeakValueDictionary

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from chassis.auth.jose_header import read_header
from chassis.auth.numeric_date import begins_after, is_numeric_date
from chassis.errors import DependencyUnavailable
from chassis.outgoing.client import OutgoingClient, OutgoingError, OutgoingRequest

ALGORITHMS = ["RS256", "PS256", "ES256"]
FRESH_FOR_S = 300.0
USABLE_FOR_S = 86_400.0
REFETCH_AFTER_S = 10.0
"""An unknown key id makes us ask the issuer again, but no more often than this."""
MOST_ISSUERS = 1_000
MAX_DOCUMENT_BYTES = 262_144
TIMEOUT_S = 5.0
LEEWAY_S = 30
log = logging.getLogger(__name__)


class UntrustedToken(ValueError):
    """A token of another issuer that is not good; the message says why in plain words, for the log only."""


@dataclass(frozen=True)
class _Keys:
    keys: KeySet
    fetched_at: float


class Issuers:
    """Checks other issuers' tokens. Only issuers that were configured may be named here: each is asked for its keys.

    `plain_http` is for issuers on this machine. One event loop.
    """

    def __init__(self, client: OutgoingClient, *, plain_http: bool, now: Callable[[], float] = time) -> None:
        self._client, self._plain_http, self._now = client, plain_http, now
        self._known: OrderedDict[str, _Keys] = OrderedDict()
        self._tried_at: dict[str, float] = {}
        # One lock an issuer: one that answers slowly, or on purpose never, holds up nobody else's.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def claims(self, token: str, issuer: str, audience: str) -> dict[str, Any]:
        """The claims of a good token of this issuer for this audience.

        Raises UntrustedToken, or DependencyUnavailable when the issuer's keys can't be had.
        """
        try:
            key_id = str(read_header(token)["kid"])
            keys = await self._keys_with(issuer, key_id)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UntrustedToken(f"the token can't be checked: {type(error).__name__}") from None
        self._check(claims, issuer, audience)
        return claims

    def _check(self, claims: dict[str, Any], issuer: str, audience: str) -> None:
        named = claims.get("aud")
        if claims.get("iss") != issuer:
            raise UntrustedToken("another issuer")
        if audience not in (named if isinstance(named, list) else [named]):
            raise UntrustedToken("another audience")
        now = self._now()
        if not is_numeric_date(claims.get("exp")) or claims["exp"] < now - LEEWAY_S:
            raise UntrustedToken("expired")
        if begins_after(claims, now + LEEWAY_S):
            raise UntrustedToken("not valid yet")

    async def _keys_with(self, issuer: str, key_id: str) -> KeySet:
        known = self._known.get(issuer)
        age = float("inf") if known is None else monotonic() - known.fetched_at
        if known is not None and age < FRESH_FOR_S and _has(known.keys, key_id):
            return known.keys
        lock = self._asking.setdefault(issuer, asyncio.Lock())
        async with lock:
            if monotonic() - self._tried_at.get(issuer, float("-inf")) > REFETCH_AFTER_S:
                await self._fetch(issuer)
        known = self._known.get(issuer)
        if known is None or monotonic() - known.fetched_at > USABLE_FOR_S:
            raise DependencyUnavailable("the issuer's keys can't be had")
        if not _has(known.keys, key_id):
            raise UntrustedToken("the issuer does not publish this key, or publishes two under its id")
        return known.keys

    async def _fetch(self, issuer: str) -> None:
        if len(self._tried_at) > 10 * MOST_ISSUERS:
            self._tried_at.clear()
        self._tried_at[issuer] = monotonic()
        try:
            document = await self.discovered(issuer)
            keys = KeySet.import_key_set(cast(Any, await self._get(str(document["jwks_uri"]))))
        except (OutgoingError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("the keys of an issuer can't be had: %s", type(error).__name__)
            return
        self._known[issuer] = _Keys(keys, monotonic())
        self._known.move_to_end(issuer)
        while len(self._known) > MOST_ISSUERS:
            gone, _ = self._known.popitem(last=False)
            self._tried_at.pop(gone, None)

    async def discovered(self, issuer: str) -> dict[str, Any]:
        """The issuer's discovery document. Raises OutgoingError or ValueError."""
        document = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise ValueError("the discovery document names another issuer")
        return document

    async def _get(self, url: str) -> dict[str, Any]:
        if not (url.startswith("https://") or self._plain_http):
            raise ValueError("an issuer is asked over https")
        request = OutgoingRequest("GET", url, {"accept": "application/json"})
        answer = await self._client.send(request, timeout_s=TIMEOUT_S, max_bytes=MAX_DOCUMENT_BYTES)
        if answer.status != 200:
            raise ValueError(f"the issuer answered {answer.status}")
        document = json.loads(answer.body)
        if not isinstance(document, dict):
            raise ValueError("the issuer's document is no object")
        return document


def claimed(token: str) -> dict[str, Any]:
    """A token's claims, unchecked: only to find out whose keys to check it by. Raises UntrustedToken."""
    try:
        claims = json.loads(extract_compact(token.encode("ascii")).payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise UntrustedToken("this is no JWT") from None
    if not isinstance(claims, dict):
        raise UntrustedToken("this is no JWT")
    return claims


def _has(keys: KeySet, key_id: str) -> bool:
    return [str(key.kid) for key in keys.keys].count(key_id) == 1
