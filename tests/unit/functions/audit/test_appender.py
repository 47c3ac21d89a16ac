"""The appender over a log in memory: batches, conflicts, repeated events, failures."""

import asyncio
from collections.abc import Sequence
from typing import cast

import orjson
import pytest

from chassis.errors import DependencyUnavailable
from functions.audit import appender as module
from functions.audit.appender import Appender
from functions.audit.entry import Entry, read_entry
from functions.audit.errors import LogBusy
from functions.audit.repository import MAX_ENTRIES, AppendLost, LogRepository, StoredHead
from functions.audit.tiles import TreeHead, append


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COLLECT_S", 0)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 0)


class LogInMemory:
    """Refuses what the table would refuse: a stale head, or an event that is there."""

    def __init__(self) -> None:
        self.tree = TreeHead()
        self.keys: list[str] = []
        self.batches: list[int] = []
        self.lost = 0
        self.failures: list[Exception] = []

    async def head(self, tenant: str) -> StoredHead:
        return StoredHead(self.tree, None)

    async def append(self, head: TreeHead, entries: Sequence[Entry]) -> TreeHead:
        if self.failures:
            raise self.failures.pop()
        if any(entry.type == "refused" for entry in entries):
            raise RuntimeError("storage refuses it")
        keys = [entry.event_key for entry in entries]
        if head.size != self.tree.size or set(keys) & set(self.keys) or len(set(keys)) < len(keys):
            self.lost += 1
            raise AppendLost
        self.tree, _ = append(head, [entry.leaf_hash for entry in entries])
        self.keys += keys
        self.batches.append(len(keys))
        return self.tree

    async def known(self, tenant: str, event_keys: Sequence[str]) -> set[str]:
        return set(event_keys) & set(self.keys)


def entry(number: int, type: str = "t") -> Entry:
    return read_entry(orjson.dumps({"specversion": "1.0", "id": str(number), "source": "s", "type": type}))


def appender_of(log: LogInMemory) -> Appender:
    return Appender(cast(LogRepository, log))


async def append_all(appender: Appender, numbers: range | list[int]) -> None:
    await asyncio.gather(*(appender.append(entry(number)) for number in numbers))


async def test_what_arrives_together_is_appended_together() -> None:
    log = LogInMemory()
    await append_all(appender_of(log), range(16))
    assert log.batches == [16]


async def test_more_than_fits_one_transaction_goes_in_several() -> None:
    log = LogInMemory()
    await append_all(appender_of(log), range(2 * MAX_ENTRIES + 1))
    assert log.batches == [MAX_ENTRIES, MAX_ENTRIES, 1]
    assert log.lost == 0, "each batch goes on from the head of the one before"


async def test_an_event_that_comes_again_changes_nothing() -> None:
    log = LogInMemory()
    appender = appender_of(log)
    await append_all(appender, [1, 2, 1])
    await append_all(appender, [2, 3])
    assert sorted(log.keys) == sorted({entry(n).event_key for n in (1, 2, 3)})
    assert log.tree.size == 3


async def test_an_appender_whose_head_is_stale_goes_on_from_the_new_one() -> None:
    log = LogInMemory()
    first, second = appender_of(log), appender_of(log)
    await append_all(first, [1])
    await append_all(second, [2])
    await append_all(first, [3])
    assert log.tree.size == 3
    assert log.lost == 1


async def test_a_failure_reaches_every_trigger_that_waits_and_the_next_try_succeeds() -> None:
    log = LogInMemory()
    log.failures = [DependencyUnavailable("storage is away")]
    appender = appender_of(log)
    results = await asyncio.gather(*(appender.append(entry(n)) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [DependencyUnavailable] * 3
    await append_all(appender, range(3))
    assert log.tree.size == 3


async def test_an_appender_that_always_comes_too_late_says_so() -> None:
    log = LogInMemory()
    log.failures = [AppendLost() for _ in range(module.MAX_ATTEMPTS)]
    with pytest.raises(LogBusy):
        await appender_of(log).append(entry(1))


async def test_a_trigger_that_is_cancelled_does_not_stop_the_others() -> None:
    log = LogInMemory()
    appender = appender_of(log)
    gone, stays = (asyncio.create_task(appender.append(entry(n))) for n in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert log.tree.size == 2


async def test_an_event_that_storage_refuses_fails_alone() -> None:
    log = LogInMemory()
    appender = appender_of(log)
    entries = [entry(1), entry(2, "refused"), entry(3)]
    results = await asyncio.gather(*(appender.append(each) for each in entries), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), RuntimeError, type(None)]
    assert log.tree.size == 2
