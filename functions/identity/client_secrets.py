"""Client secrets against their argon2 hashes, off the event loop and a few at a time."""

import asyncio
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MOST_AT_ONCE = 2
"""Each check takes 64 MiB and a core for some 30 ms (RFC 9106's second recommendation)."""


class ClientSecrets:
    """Checks secrets. A client that has none takes as long as one that has, so that ids can't be found by time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash("nobody's")

    async def matches(self, secret_hash: str | None, secret: str) -> bool:
        """Whether the secret is the one that was hashed; False where there is no hash."""
        async with self._slots:
            return await asyncio.to_thread(self._matches, secret_hash, secret)

    def _matches(self, secret_hash: str | None, secret: str) -> bool:
        try:
            return self._hasher.verify(secret_hash or self._nobodys_hash, secret) and secret_hash is not None
        except (Argon2Error, InvalidHashError):
            return False
