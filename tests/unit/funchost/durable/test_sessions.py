"""What is kept in memory is bounded, and what is at work is never let go."""

import asyncio
from datetime import UTC, datetime

from funchost.durable.memory import MemoryBackend
from funchost.durable.sessions import Sessions
from funchost.durable.settings import SessionLimits
from funchost.durable.starts import new_instance

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def _hold(sessions: Sessions, names: str) -> None:
    for name in names:
        new = new_instance(name, "orchestrator", None, NOW)
        sessions.begin(new.row, new.start)


async def test_the_oldest_that_rests_is_let_go_first() -> None:
    sessions = Sessions(MemoryBackend(), SessionLimits(most=3))
    await _hold(sessions, "abcde")
    for _ in range(5):
        sessions.trim({"a"})
    assert await sessions.get("a") is not None
    assert [await sessions.get(name) for name in "bc"] == [None, None]
    assert await sessions.get("e") is not None


async def test_everything_may_be_at_work() -> None:
    sessions = Sessions(MemoryBackend(), SessionLimits(most=1))
    await _hold(sessions, "abc")
    sessions.trim(set("abc"))
    assert None not in [await sessions.get(name) for name in "abc"]


async def test_what_has_rested_long_enough_is_let_go_and_what_is_at_work_stays() -> None:
    sessions = Sessions(MemoryBackend(), SessionLimits(idle_s=0.01))
    await _hold(sessions, "ab")
    busy = {"a"}
    sessions.trim(busy)
    async with asyncio.timeout(5):
        while len(sessions) > 1:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
        assert await sessions.get("a") is not None
        busy.clear()
        while len(sessions):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
    sessions.stop()
