import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chassis.context import CallContext, Principal, calling, principal
from chassis.errors import DependencyUnavailable
from chassis.messaging.announcer import MOST_AT_ONCE, Announcer
from chassis.messaging.events import Event
from chassis.messaging.message import Announced


class SlowTable:
    """Writes a row when it is told to."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.writes: list[list[bytes]] = []
        self.away = False

    def announced(self, event: Event) -> Announced:
        return Announced(event.type, f"{event.subject} of {principal().tenant}".encode())

    async def commit(self, partition: str, changes: Sequence[Any], events: Sequence[Announced]) -> list[str]:
        await self.may_write.wait()
        self.writes.append([event.body for event in events])
        if self.away:
            raise DependencyUnavailable("the table can't be reached")
        return []


@pytest.fixture
def table() -> SlowTable:
    return SlowTable()


@pytest.fixture
def announcer(table: SlowTable) -> Announcer:
    return Announcer(table, "issued")  # type: ignore[arg-type]


async def announced(announcer: Announcer, subject: str, tenant: str = "acme") -> None:
    with calling(CallContext(Principal("ada", tenant))):
        await announcer.announce(Event("thing.happened", subject))


async def test_an_event_is_stored_before_its_caller_goes_on(announcer: Announcer, table: SlowTable) -> None:
    waiting = asyncio.create_task(announced(announcer, "one"))
    await asyncio.sleep(0)
    assert not waiting.done()
    table.may_write.set()
    await waiting
    assert table.writes == [[b"one of acme"]]


async def test_who_comes_while_a_row_is_written_shares_the_next_each_in_his_own_tenant(
    announcer: Announcer, table: SlowTable
) -> None:
    first = asyncio.create_task(announced(announcer, "one"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(announced(announcer, "two", tenant)) for tenant in ("acme", "rival")]
    await asyncio.sleep(0)
    table.may_write.set()
    await asyncio.gather(first, *others)
    assert table.writes == [[b"one of acme"], [b"two of acme", b"two of rival"]]


async def test_more_than_a_row_holds_goes_into_several(announcer: Announcer, table: SlowTable) -> None:
    table.may_write.set()
    await asyncio.gather(*(announced(announcer, str(n)) for n in range(MOST_AT_ONCE + 1)))
    assert [len(write) for write in table.writes] == [MOST_AT_ONCE, 1]


async def test_every_caller_hears_that_nothing_was_stored_and_the_next_one_is(
    announcer: Announcer, table: SlowTable
) -> None:
    table.away = True
    table.may_write.set()
    outcomes = await asyncio.gather(*(announced(announcer, str(n)) for n in range(2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DependencyUnavailable] * 2
    table.away = False
    await announced(announcer, "later")
    assert table.writes[-1] == [b"later of acme"]


async def test_a_caller_that_has_gone_takes_no_other_with_it(announcer: Announcer, table: SlowTable) -> None:
    gone, stays = (asyncio.create_task(announced(announcer, name)) for name in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    table.may_write.set()
    await stays
    assert table.writes == [[b"gone of acme", b"stays of acme"]]
