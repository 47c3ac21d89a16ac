"""An API key in, its owner's access token out: what the edge asks for each request with the header `x-api-key`."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic

from chassis.auth.service_token import ObtainedToken
from chassis.errors import Unauthorized
from functions.gateway.api_keys.secret import ApiKeySecret
from functions.gateway.api_keys.store import ApiKeyStore, StoredApiKey

LOOK_AGAIN_AFTER_S = 2.0
"""How long a key that was revoked elsewhere may still open something."""
LAST_MOMENT_S = 30.0
"""A token with less than this left is not given any more."""
MOST_KEPT = 10_000
ObtainToken = Callable[[StoredApiKey], Awaitable[ObtainedToken]]
"""Gets a token from identity that speaks for a key's owner. Raises Unauthorized, DependencyUnavailable."""
IsAccepted = Callable[[str], Awaitable[bool]]
"""Whether a token still passes: identity may have withdrawn the key that signed it."""


class UnknownApiKey(Unauthorized):
    """No such key, or one that is revoked or has expired."""

    code = "gateway.unknown-api-key"


@dataclass
class _Kept:
    id: str
    token: ObtainedToken
    looked_at: float


class ApiKeyExchange:
    """Keeps tokens by the digest of the key that got them, and looks at key and token again every two seconds.

    Requests with one key that come at once wait for one look. One event loop.
    """

    def __init__(
        self, store: ApiKeyStore, obtain: ObtainToken, is_accepted: IsAccepted, now: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._obtain = obtain
        self._is_accepted = is_accepted
        self._now = now
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[str]] = {}

    async def token(self, text: str) -> str:
        """The owner's access token. Raises UnknownApiKey, Unauthorized, DependencyUnavailable."""
        place = sha256(text.encode()).digest()
        kept = self._kept.get(place)
        if kept is not None and self._now() - kept.looked_at < LOOK_AGAIN_AFTER_S and self._lives(kept.token):
            return kept.token.value
        look = self._under_way.get(place)
        if look is None:
            look = self._under_way[place] = asyncio.create_task(self._look(place, text))
            look.add_done_callback(lambda look: self._end(place, look))
        return await asyncio.shield(look)  # one that gives up waiting takes it from no other

    def _end(self, place: bytes, look: asyncio.Task[str]) -> None:
        del self._under_way[place]
        if not look.cancelled():
            look.exception()  # nobody may be left who waits for it

    async def _look(self, place: bytes, text: str) -> str:
        kept = self._kept.pop(place, None)
        stored = await self._checked(text)
        if kept is not None and self._lives(kept.token) and await self._is_accepted(kept.token.value):
            token = kept.token
        else:
            token = await self._obtain(stored)
        self._kept[place] = _Kept(stored.key.id, token, self._now())
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return token.value

    def forget(self, id: str) -> None:
        """Give this key's token to nobody any more."""
        for place in [place for place, kept in self._kept.items() if kept.id == id]:
            del self._kept[place]

    async def _checked(self, text: str) -> StoredApiKey:
        sent = ApiKeySecret.parse(text)
        stored = await self._store.find(sent.id) if sent else None
        if sent is None or stored is None or not sent.matches(stored.digest):
            raise UnknownApiKey("the API key is not known")
        if not stored.key.is_good(datetime.now(UTC)):
            raise UnknownApiKey("the API key was revoked or has expired")
        return stored

    def _lives(self, token: ObtainedToken) -> bool:
        return token.ends_at - self._now() > LAST_MOMENT_S
