import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import DependencyUnavailable
from functions.gateway.envoy.rate_limits import Standing
from functions.gateway.watch import LOOK_EVERY_S, Watch


class Stored:
    """Standings and instances in memory; may be down."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.seen: dict[str, datetime] = {}
        self.reads = 0
        self.down = False
        self.silent: asyncio.Event | None = None

    async def all(self) -> dict[str, Standing]:
        self.reads += 1
        if self.silent:
            await self.silent.wait()
        if self.down:
            raise DependencyUnavailable("down")
        return dict(self.standings)

    async def saw(self, ids: Mapping[str, datetime]) -> None:
        self.seen |= ids

    async def alive(self, now: datetime, within: timedelta) -> set[str]:
        return {id for id, at in self.seen.items() if now - at <= within}


def watch(stored: Stored, clock: list[float]) -> Watch:
    return Watch(stored, stored, now=lambda: clock[0])  # type: ignore[arg-type]


async def test_storage_is_read_once_while_what_is_known_is_young() -> None:
    stored, clock = Stored(), [0.0]
    subject = watch(stored, clock)
    await subject.look()
    await subject.look()
    assert stored.reads == 1
    clock[0] += LOOK_EVERY_S
    await subject.look()
    assert stored.reads == 2


async def test_a_change_made_here_is_seen_at_once() -> None:
    stored, clock = Stored(), [0.0]
    subject = watch(stored, clock)
    await subject.look()
    stored.standings = {"acme": Standing("premium")}
    subject.forget()
    await subject.look()
    assert subject.standings == {"acme": Standing("premium")}


async def test_while_storage_is_down_the_last_known_holds() -> None:
    stored, clock = Stored(), [0.0]
    stored.standings = {"acme": Standing("free")}
    subject = watch(stored, clock)
    await subject.look()
    stored.down = True
    clock[0] += LOOK_EVERY_S
    await subject.look()
    assert subject.standings == {"acme": Standing("free")}


async def test_storage_that_does_not_answer_keeps_nobody_waiting_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("functions.gateway.watch.WAITED_FOR_S", 0.01)
    stored, clock = Stored(), [0.0]
    stored.standings = {"acme": Standing("free")}
    stored.silent = asyncio.Event()
    subject = watch(stored, clock)
    async with asyncio.timeout(5):
        for _ in range(3):
            await subject.look()
            clock[0] += LOOK_EVERY_S
        assert (stored.reads, subject.standings) == (1, {})
        stored.silent.set()
        await subject.look()
    assert (stored.reads, subject.standings) == (1, {"acme": Standing("free")})


async def test_instances_that_ask_any_replica_are_counted_and_those_that_stopped_are_not() -> None:
    stored, clock = Stored(), [0.0]
    subject = watch(stored, clock)
    stored.seen = {"gone": datetime.now(UTC) - timedelta(minutes=1), "elsewhere": datetime.now(UTC)}
    subject.saw("here")
    await subject.look()
    assert subject.instances == {"here", "elsewhere"}
