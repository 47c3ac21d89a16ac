"""Client secrets against their argon2 hashes, off the event loop and a few at a time."""

import asyncio
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from chassis.auth.argon2_cost import LANES, MEMORY_KIB, TIME_COST

MOST_AT_ONCE = 2
"""Each check takes 19 MiB and a core for some 20 ms; hashes made elsewhere may cost more."""
PROVED_FOR_S = 60.0
"""A secret that was right is not put through argon2 again for so long; a wrong one always is."""
MOST_PROVED = 10_000


def _nothing() -> None:
    return None


class ClientSecrets:
    """Checks secrets. A client that has none takes as long as one that has, so that ids can't be found by time.

    What was right lately is remembered as an HMAC of hash and secret under a key that only this process's memory has;
    another hash (a rotated secret) makes another HMAC.
    """

    def __init__(self, hasher: PasswordHasher | None = None, now: Callable[[], float] = monotonic) -> None:
        self._hasher = hasher or PasswordHasher(TIME_COST, MEMORY_KIB, LANES)
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._now = now
        self._key = os.urandom(32)
        self._proved: OrderedDict[bytes, float] = OrderedDict()

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash("nobody's")

    async def matches(self, secret_hash: str | None, secret: str, may_try: Callable[[], None] = _nothing) -> bool:
        """Whether the secret is the one that was hashed; False where there is no hash.

        `may_try` is called just before the costly part, after any waiting, and may raise.
        """
        mark = hmac.digest(self._key, f"{secret_hash}\n{secret}".encode(), "sha256")
        if self._now() - self._proved.get(mark, float("-inf")) < PROVED_FOR_S:
            return True
        async with self._slots:
            may_try()
            good = await asyncio.to_thread(self._matches, secret_hash, secret)
        if good:
            self._remember(mark)
        return good

    async def hashed(self, secret: str) -> str:
        """The hash of a new secret."""
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, secret)

    def _remember(self, mark: bytes) -> None:
        self._proved[mark] = self._now()
        while len(self._proved) > MOST_PROVED:
            self._proved.popitem(last=False)

    def _matches(self, secret_hash: str | None, secret: str) -> bool:
        try:
            return self._hasher.verify(secret_hash or self._nobodys_hash, secret) and secret_hash is not None
        except (Argon2Error, InvalidHashError):
            return False
