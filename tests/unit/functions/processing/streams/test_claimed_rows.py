"""Rows given more than once: in one transaction a result comes and what it replaces goes, by the last to claim them."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from chassis.messaging.events import Event
from chassis.storage.rows import Change, Delete, Replace, Row, RowChanged, Upsert
from chassis.storage.tables import Table
from functions.processing.streams.claimed_rows import ClaimedRows, WindowChange, changes_of
from functions.processing.streams.parts import Pane
from functions.processing.streams.state import Step, WindowResult
from functions.processing.streams.window_rows import row_key

ROWS = "acme|1"


class FakeTable:
    """One partition of a table: transactions of at most 100, and what the service refuses."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.etags: dict[str, str] = {}
        self.commits: list[tuple[Sequence[Change], Sequence[Event]]] = []

    async def get(self, partition: str, key: str) -> Row | None:
        return Row(partition, key, self.etags[key], self.rows[key]) if key in self.rows else None

    async def commit(self, partition: str, changes: Sequence[Change], events: Sequence[Event] = ()) -> list[str]:
        assert partition == ROWS
        keys = [change.key for change in changes]
        assert len(keys) == len(set(keys)), "an entity is changed twice"
        assert len(changes) + len(events) <= 100, "too many changes"
        for change in changes:
            if isinstance(change, Delete) and change.key not in self.rows:
                raise RowChanged(change.key)
            if isinstance(change, Replace) and self.etags.get(change.key) != change.etag:
                raise RowChanged(change.key)
        self.commits.append((changes, events))
        return [self._changed(change) for change in changes]

    def _changed(self, change: Change) -> str:
        if isinstance(change, Delete):
            del self.rows[change.key], self.etags[change.key]
            return ""
        assert isinstance(change, Upsert | Replace)
        self.rows[change.key] = dict(change.values)
        self.etags[change.key] = str(len(self.commits))
        return self.etags[change.key]

    @property
    def windows(self) -> dict[str, tuple[int, bool]]:
        """Pane and finality by key."""
        found = {key: row for key, row in self.rows.items() if not key.startswith("-")}
        return {key: (row["pane"], row["final"]) for key, row in found.items()}


async def claimed(table: FakeTable) -> ClaimedRows:
    return await ClaimedRows.claimed(cast(Table, table), ROWS, 3)


def a_result(key: str, start: int, end: int, pane: int = 1, final: bool = False) -> WindowResult:
    return WindowResult(key, start, end, pane, final, {"n": pane})


def early(key: str, start: int, end: int) -> WindowChange:
    return WindowChange(key, a_result(key, start, end))


def of(key: str, start: int, end: int) -> str:
    return row_key(3, key, (start, end))


async def test_a_result_comes_in_the_transaction_in_which_those_it_replaces_go() -> None:
    table = FakeTable()
    rows = await claimed(table)
    await rows.put([early("a", 0, 3), early("a", 5, 8), early("b", 0, 3)])
    assert len(table.windows) == 3
    before = len(table.commits)
    await rows.put([WindowChange("a", a_result("a", 0, 8, 2, True), ((0, 3), (5, 8)))])
    assert table.windows == {of("a", 0, 8): (2, True), of("b", 0, 3): (1, False)}
    assert len(table.commits) == before + 1


async def test_steps_that_are_delivered_again_after_a_crash_leave_the_same_rows() -> None:
    table = FakeTable()
    steps = [
        [early("a", 0, 3), early("a", 5, 8)],
        [WindowChange("a", a_result("a", 0, 8, 2), ((0, 3), (5, 8))), early("b", 0, 3)],
        [WindowChange("a", a_result("a", 0, 8, 3, True)), WindowChange("b", None, ((0, 3),))],
    ]
    for first in (0, 0, 1, 2, 2):
        rows = await claimed(table)
        for step in steps[first:]:
            await rows.put(step)
        assert table.windows == {of("a", 0, 8): (3, True)}


async def test_a_node_that_has_lost_the_partition_can_not_bring_an_early_row_back() -> None:
    table = FakeTable()
    lost = await claimed(table)
    await lost.put([early("a", 0, 3)])
    owner = await claimed(table)
    await owner.put([early("a", 0, 3)])
    await owner.put([WindowChange("a", a_result("a", 0, 8, 2, True), ((0, 3),))])
    for change in (early("a", 0, 3), WindowChange("a", a_result("a", 0, 5, 2), ((0, 3),))):
        with pytest.raises(RowChanged):
            await lost.put([change])
    assert table.windows == {of("a", 0, 8): (2, True)}
    await owner.put([early("c", 0, 3)])


async def test_a_node_that_has_lost_the_partition_can_not_put_an_earlier_pane_over_the_last() -> None:
    table = FakeTable()
    lost = await claimed(table)
    first, last = (Step(watermark=0, results=(a_result("a", 0, 10, pane, pane == 2),)) for pane in (1, 2))
    await lost.put(changes_of(first))
    owner = await claimed(table)
    await owner.put(changes_of(first))
    await owner.put(changes_of(last))
    with pytest.raises(RowChanged):
        await lost.put(changes_of(first))
    assert table.windows == {of("a", 0, 10): (2, True)}


async def test_many_results_and_removals_take_as_many_transactions_as_they_need() -> None:
    table = FakeTable()
    rows = await claimed(table)
    bounds = [(10 * number, 10 * number + 3) for number in range(250)]
    event = Event("processing.stream.window", "s")
    await rows.put([WindowChange("a", a_result("a", *one), event=event) for one in bounds])
    assert len(table.windows) == 250
    assert sum(len(events) for _, events in table.commits) == 250
    before = len(table.commits)
    await rows.put([early("b", 0, 3), WindowChange("a", a_result("a", 0, 2500, 2), tuple(bounds), event)])
    assert table.windows == {of("a", 0, 2500): (2, False), of("b", 0, 3): (1, False)}
    # The result is the last of it: until then there is no row too many.
    *removing, (changes, events) = table.commits[before:]
    assert of("a", 0, 2500) in {change.key for change in changes}
    assert events == [event]
    assert not any(events for _, events in removing)


async def test_nothing_to_change_asks_nothing_of_the_table() -> None:
    table = FakeTable()
    rows = await claimed(table)
    await rows.put(changes_of(Step(watermark=0, fired=(Pane(0, 3, 1, "a", is_empty=True),))))
    assert len(table.commits) == 1


def test_a_claim_sorts_before_every_window() -> None:
    assert min(of("", -(10**17), 0), of("a", 0, 3)) > "-claim|7"


def test_the_changes_of_a_step_are_its_results_with_what_each_replaces() -> None:
    step = Step(
        watermark=0,
        fired=(Pane(0, 5, 2, "a", ((0, 3), (0, 5))), Pane(0, 5, 2, "b", ((0, 3),), is_empty=True)),
        results=(a_result("a", 0, 5, 2),),
    )
    assert changes_of(step) == [
        WindowChange("a", a_result("a", 0, 5, 2), ((0, 3),)),
        WindowChange("b", None, ((0, 3),)),
    ]
