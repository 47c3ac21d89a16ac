"""What is kept in memory is bounded, and what is at work is never let go."""

from datetime import UTC, datetime

from funchost.durable.memory import MemoryBackend
from funchost.durable.sessions import Sessions
from funchost.durable.starts import new_instance

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def _hold(sessions: Sessions, names: str) -> None:
    for name in names:
        new = new_instance(name, "orchestrator", None, NOW)
        sessions.begin(new.row, new.start)


async def test_the_oldest_that_rests_is_let_go_first() -> None:
    sessions = Sessions(MemoryBackend(), limit=3)
    await _hold(sessions, "abcde")
    for _ in range(5):
        sessions.trim({"a"})
    assert await sessions.get("a") is not None
    assert [await sessions.get(name) for name in "bc"] == [None, None]
    assert await sessions.get("e") is not None


async def test_everything_may_be_at_work() -> None:
    sessions = Sessions(MemoryBackend(), limit=1)
    await _hold(sessions, "abc")
    sessions.trim(set("abc"))
    assert None not in [await sessions.get(name) for name in "abc"]
