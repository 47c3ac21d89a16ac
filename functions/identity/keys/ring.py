"""The ring of signing keys as a value, and its transitions: next → signing → retired, and withdrawn from anywhere.

The next key is always published, so that everyone knows it before it signs, planned or in an emergency.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from chassis.errors import Conflict, NotFound
from chassis.models import Contract

Algorithm = Literal["RS256", "ES256"]
State = Literal["next", "signing", "retired", "withdrawn"]
RETIRED_FOR = timedelta(hours=1)
"""A retired key stays published so long: longer than any token that it signed lives."""
WITHDRAWN_SHOWN_FOR = timedelta(days=90)


class KeyNotFound(NotFound):
    """No such key, or it is gone already."""

    code, title = "identity.key-not-found", "No such signing key"


class NextKeyTooNew(Conflict):
    """The next key was published too short a while ago: somebody may not know it yet."""

    code, title, retryable = "identity.next-key-too-new", "The next key is not known everywhere yet", True


class RingKey(Contract):
    """One key: its public half as a JWK, and since when it has been in its state."""

    kid: str
    algorithm: Algorithm
    state: State
    since: datetime
    created_at: datetime
    public: dict[str, Any]

    def becomes(self, state: State, now: datetime) -> "RingKey":
        """The same key in another state."""
        return self.model_copy(update={"state": state, "since": now})


class KeyRing(Contract):
    """All keys that are still remembered; exactly one signs and exactly one is next."""

    keys: tuple[RingKey, ...]

    def one(self, state: State) -> RingKey:
        """The key that signs, or the next."""
        return next(key for key in self.keys if key.state == state)

    def published(self) -> list[RingKey]:
        """The keys by which tokens may be checked, the signing one first."""
        order: dict[State, int] = {"signing": 0, "next": 1, "retired": 2}
        return sorted((key for key in self.keys if key.state in order), key=lambda key: order[key.state])


MakeKey = Callable[[], RingKey]
"""A new key in the state `next`."""


def first_ring(make: MakeKey, now: datetime) -> KeyRing:
    """The ring of a first start: nobody has any key yet, so one may sign at once."""
    return KeyRing(keys=(make().becomes("signing", now), make()))


def rotated(ring: KeyRing, make: MakeKey, now: datetime, known_after: timedelta) -> KeyRing:
    """The next key signs, the old one retires. Raises NextKeyTooNew before the next has been published so long."""
    known_at = ring.one("next").since + known_after
    if now < known_at:
        raise NextKeyTooNew(f"it may sign from {known_at:%Y-%m-%dT%H:%M:%SZ}")
    return _promoted(ring, "retired", make, now)


def due(ring: KeyRing, now: datetime, every: timedelta, known_after: timedelta) -> bool:
    """Whether the schedule wants a rotation, and it may be done."""
    return now >= ring.one("signing").since + every and now >= ring.one("next").since + known_after


def withdrawn(ring: KeyRing, kid: str, make: MakeKey, now: datetime) -> KeyRing:
    """A compromised key goes at once; was it the signing one, the next takes its place. Raises KeyNotFound."""
    found = next((key for key in ring.published() if key.kid == kid), None)
    if found is None:
        raise KeyNotFound("there is no published key with this id")
    if found.state == "signing":
        return _promoted(ring, "withdrawn", make, now)
    changed = _with_state(ring, kid, "withdrawn", now)
    return changed if found.state == "retired" else KeyRing(keys=(*changed.keys, make()))


def pruned(ring: KeyRing, now: datetime) -> KeyRing:
    """Without the keys that nobody needs any more."""
    kept_for = {"retired": RETIRED_FOR, "withdrawn": WITHDRAWN_SHOWN_FOR}
    return KeyRing(
        keys=tuple(key for key in ring.keys if key.state not in kept_for or now < key.since + kept_for[key.state])
    )


def _promoted(ring: KeyRing, old: Literal["retired", "withdrawn"], make: MakeKey, now: datetime) -> KeyRing:
    changed = _with_state(ring, ring.one("signing").kid, old, now)
    changed = _with_state(changed, ring.one("next").kid, "signing", now)
    return KeyRing(keys=(*changed.keys, make()))


def _with_state(ring: KeyRing, kid: str, state: State, now: datetime) -> KeyRing:
    return KeyRing(keys=tuple(key.becomes(state, now) if key.kid == kid else key for key in ring.keys))
