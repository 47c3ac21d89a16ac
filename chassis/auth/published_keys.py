"""Identity's published keys as a service holds them: looked at often, kept when identity is away."""

import asyncio
import logging
from time import monotonic

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.auth.key_times import KEYS_FRESH_FOR_S, KEYS_USABLE_FOR_S, KEYS_WAITED_FOR_S
from chassis.errors import DependencyUnavailable

REFETCH_AFTER_S = 5
"""An unknown key id makes us fetch again, but no more often than this."""
log = logging.getLogger(__name__)


class PublishedKeys:
    """A JWK set. While it is in use, fetching it anew keeps no request waiting. One event loop.

    After a while without requests the first one waits shortly: a key may have been withdrawn meanwhile.
    """

    def __init__(self, url: str, fresh_for_s: float = KEYS_FRESH_FOR_S) -> None:
        self._url = url
        self._fresh_for_s = fresh_for_s
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._behind: asyncio.Task[None] | None = None

    async def present(self) -> KeySet:
        """The keys. Raises DependencyUnavailable when there are none that may still be used."""
        age = monotonic() - self._fetched_at
        if self._keys is None or age > KEYS_USABLE_FOR_S:
            return await self.fetched_anew()
        if age > self._fresh_for_s:
            if self._behind is None or self._behind.done():
                self._behind = asyncio.create_task(self._fetch_behind())
            if age > 2 * self._fresh_for_s:
                await asyncio.wait({self._behind}, timeout=KEYS_WAITED_FOR_S)
        return self._keys

    async def fetched_anew(self) -> KeySet:
        """The keys as they are now, or as they were some seconds ago. Raises as `present` does."""
        async with self._fetching:
            if self._keys is not None and monotonic() - self._tried_at < REFETCH_AFTER_S:
                return self._keys
            await self._fetch()
            if self._keys is None or monotonic() - self._fetched_at > KEYS_USABLE_FOR_S:
                raise DependencyUnavailable("identity's keys can't be fetched")
            return self._keys

    async def _fetch_behind(self) -> None:
        async with self._fetching:
            if monotonic() - self._tried_at >= self._fresh_for_s:
                await self._fetch()

    async def _fetch(self) -> None:
        self._tried_at = monotonic()
        try:
            self._keys = await self._download()
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, JoseError) as error:
            log.warning("identity's keys can't be fetched: %s", type(error).__name__)
            return
        self._fetched_at = monotonic()

    async def _download(self) -> KeySet:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._url) as response:
            response.raise_for_status()
            return KeySet.import_key_set(await response.json())
