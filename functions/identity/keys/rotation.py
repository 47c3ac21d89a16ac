"""The ring at work: made at the first start, rotated by schedule or by an operator, kept in memory for seconds."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from chassis.context import CallContext, Principal, calling, current
from chassis.errors import DependencyUnavailable, PlatformError
from chassis.messaging.events import Event
from chassis.storage.rows import RowChanged, RowExists
from functions.identity.keys import ring as rings
from functions.identity.keys.private import PrivateKeys
from functions.identity.keys.ring import Algorithm, KeyRing, RingKey
from functions.identity.keys.signing import SigningKey, SigningKeys, imported, new_key
from functions.identity.keys.store import RingStore, StoredRing

RING_FRESH_FOR_S = 2.0
"""A replica sees another's rotation or withdrawal after this at the latest."""
ATTEMPTS = 5
_NONE = KeyRing(keys=())
log = logging.getLogger(__name__)
_SYSTEM = CallContext(Principal("svc-identity", "platform", kind="service"))


@dataclass(frozen=True)
class Schedule:
    """How often the signing key changes, and how long the next one is published before it may sign."""

    algorithm: Algorithm
    every: timedelta
    known_after: timedelta


class KeyRotation:
    """The signing keys of all replicas. One event loop."""

    def __init__(
        self,
        store: RingStore,
        private: PrivateKeys,
        schedule: Schedule,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._private, self._schedule, self._now = store, private, schedule, now
        self._snapshot: SigningKeys | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def keys(self) -> SigningKeys:
        """The present keys. Old ones go on when storage is away; raises DependencyUnavailable when there are none."""
        if self._snapshot is not None and monotonic() - self._read_at < RING_FRESH_FOR_S:
            return self._snapshot
        async with self._reading:
            if self._snapshot is None or monotonic() - self._read_at >= RING_FRESH_FOR_S:
                await self._refresh()
            assert self._snapshot is not None  # noqa: S101 - _refresh sets it or raises
            return self._snapshot

    async def ring(self) -> KeyRing:
        """The ring as it is stored."""
        return (await self._stored()).ring

    async def advance(self) -> bool:
        """Do what the schedule asks for; whether it was anything. May be repeated, and by several replicas at once."""

        def planned(ring: KeyRing, make: rings.MakeKey, now: datetime) -> KeyRing:
            kept = rings.pruned(ring, now)
            if rings.due(kept, now, self._schedule.every, self._schedule.known_after):
                return rings.rotated(kept, make, now, self._schedule.known_after)
            return kept

        with calling(_SYSTEM):
            return await self._change(planned, "identity.key.rotated", self._schedule.algorithm)

    async def rotate(self, algorithm: Algorithm | None = None) -> None:
        """Let the next key sign now; `algorithm` is the one after it. Raises NextKeyTooNew."""

        def now_please(ring: KeyRing, make: rings.MakeKey, now: datetime) -> KeyRing:
            return rings.rotated(ring, make, now, self._schedule.known_after)

        await self._change(now_please, "identity.key.rotated", algorithm or self._schedule.algorithm)

    async def withdraw(self, kid: str) -> None:
        """Take a compromised key out of use at once. Raises KeyNotFound."""

        def without(ring: KeyRing, make: rings.MakeKey, now: datetime) -> KeyRing:
            return rings.withdrawn(ring, kid, make, now)

        await self._change(without, "identity.key.withdrawn", self._schedule.algorithm)

    async def _refresh(self) -> None:
        try:
            ring = (await self._stored()).ring
            # Signing and next key may both be lost; what takes their place was made just now.
            while (signing := await self._private_half(ring)) is None:
                ring = await self._without_lost(ring.one("signing").kid)
            self._snapshot = SigningKeys(signing, [imported(key.public) for key in ring.published()])
        except DependencyUnavailable:
            if self._snapshot is None:
                raise
            log.warning("the signing keys can't be read anew; the present ones go on")
        self._read_at = monotonic()

    async def _private_half(self, ring: KeyRing) -> SigningKey | None:
        kid = ring.one("signing").kid
        if self._snapshot is not None and self._snapshot.current.kid == kid:
            return self._snapshot.current
        jwk = await self._private.load(kid)
        return None if jwk is None else imported(dict(jwk))

    async def _without_lost(self, kid: str) -> KeyRing:
        # Its store was emptied: nobody can sign with it any more, so it is of no use to anyone.
        log.error("the private half of signing key %s is gone; the next key takes its place", kid)
        with calling(_SYSTEM):
            await self.withdraw(kid)
        return (await self._stored()).ring

    async def _stored(self) -> StoredRing:
        for _ in range(ATTEMPTS):
            found = await self._store.read()
            if found is not None:
                return found
            made = _Made(self._schedule.algorithm, self._now())
            ring = await asyncio.to_thread(rings.first_ring, made.make, self._now())
            with suppress(RowExists), calling(_SYSTEM):
                await self._put(made, _NONE, ring, None, _announced("identity.key.rotated", _NONE, ring))
        raise DependencyUnavailable("the ring of signing keys can't be made")

    async def _change(self, change: "_Change", event: str, algorithm: Algorithm) -> bool:
        for _ in range(ATTEMPTS):
            stored, now = await self._stored(), self._now()
            made = _Made(algorithm, now)
            changed = await asyncio.to_thread(change, stored.ring, made.make, now)
            if changed == stored.ring:
                return False
            with suppress(RowChanged):
                await self._put(made, stored.ring, changed, stored.etag, _announced(event, stored.ring, changed))
                self._read_at = 0.0
                return True
        raise PlatformError("the ring of signing keys changes too often")

    async def _put(self, made: "_Made", old: KeyRing, ring: KeyRing, etag: str | None, events: list[Event]) -> None:
        for kid, jwk in made.private.items():
            await self._private.save(kid, jwk)
        try:
            await self._store.write(ring, etag, events)
        except (RowChanged, RowExists):
            for kid in made.private:
                await self._private.delete(kid)
            raise
        usable = {key.kid for key in ring.keys if key.state in {"next", "signing"}}
        for key in old.keys:
            if key.kid not in usable:
                await self._private.delete(key.kid)


_Change = Callable[[KeyRing, rings.MakeKey, datetime], KeyRing]


class _Made:
    """Keys made while a change was planned."""

    def __init__(self, algorithm: Algorithm, now: datetime) -> None:
        self._algorithm, self._now = algorithm, now
        self.private: dict[str, Mapping[str, Any]] = {}

    def make(self) -> RingKey:
        record, jwk = new_key(self._algorithm, self._now)
        self.private[record.kid] = jwk
        return record


def _announced(event: str, old: KeyRing, new: KeyRing) -> list[Event]:
    before = {key.kid: key.state for key in old.keys}
    moved = {key.kid: key.state for key in new.keys if before.get(key.kid) != key.state}
    if not moved:
        return []
    call = current()
    by = call.principal.subject if call else "svc-identity"
    return [Event(event, kid, {"state": state, "by": by}) for kid, state in moved.items()]
