"""What a stream's sink is told of sessions that were given before."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from chassis.storage.blobs import Container
from chassis.work import WorkContext
from functions.processing.streams.claimed_rows import ClaimedRows, WindowChange
from functions.processing.streams.outputs import Outputs
from functions.processing.streams.parts import Pane
from functions.processing.streams.repository import StoredStream, WindowRepository
from functions.processing.streams.state import Step, WindowResult
from tests.unit.functions.processing.streams.parts import early_sessions

US = 1_000_000


class FakeRows:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.changes: list[WindowChange] = []

    async def put(self, changes: Sequence[WindowChange]) -> None:
        self.changes += changes


class FakeContainer:
    """Remembers the blocks of a blob."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}

    async def add_blocks(self, name: str, blocks: dict[str, bytes]) -> None:
        self.blocks.update(blocks)


def stored(sink: str) -> StoredStream:
    work = WorkContext(tenant="acme", subject="ada")
    return StoredStream("acme", "visits", "1", early_sessions(sink=sink), work, datetime(2026, 1, 1, tzinfo=UTC))


def a_step(*panes: tuple[Pane, bool | None]) -> Step:
    """Panes with whether their result is final; None: there is no result."""
    results = [
        WindowResult(str(pane.key), pane.start, pane.end, pane.number, final, {"n": pane.number})
        for pane, final in panes
        if final is not None
    ]
    return Step(watermark=0, fired=tuple(pane for pane, _ in panes), results=tuple(results))


async def delivered(sink: str, *steps: Step) -> tuple[FakeRows, FakeContainer]:
    rows, datasets = FakeRows(), FakeContainer()
    none = cast(Any, None)
    outputs = Outputs(
        stored(sink), ["n"], cast(WindowRepository, none), none, cast(Container, datasets), cast(ClaimedRows, rows)
    )
    for number, step in enumerate(steps):
        await outputs.deliver(3, number, step)
    return rows, datasets


JOINED = Pane(0, 8 * US, 2, "a", ((0, 3 * US), (5 * US, 8 * US)))


async def test_the_event_of_a_session_names_the_bounds_of_those_it_replaces() -> None:
    rows, _ = await delivered("event", a_step((Pane(0, 3 * US, 1, "a"), False), (JOINED, False)))
    first, second = (change.event.data for change in rows.changes if change.event)
    assert first["replaces"] == []
    assert second == {
        "stream": "visits", "key": "a", "start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:08Z",
        "pane": 2, "final": False, "values": {"n": 2},
        "replaces": [
            {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:03Z"},
            {"start": "1970-01-01T00:00:05Z", "end": "1970-01-01T00:00:08Z"},
        ],
    }  # fmt: skip


async def test_an_event_has_the_same_id_whenever_it_is_delivered_and_each_pane_another() -> None:
    last = Pane(0, 8 * US, 3, "a", ((0, 8 * US),))
    steps = [a_step((JOINED, False)), a_step((last, True))]
    rows, _ = await delivered("event", *steps, *steps)
    one, two, *again = [change.event.id for change in rows.changes if change.event]
    assert one != two
    assert again == [one, two]


async def test_a_session_that_is_left_out_is_removed_without_an_event() -> None:
    left_out = Pane(0, 8 * US, 3, "a", ((0, 8 * US),), is_empty=True)
    rows, _ = await delivered("event", a_step((left_out, None)))
    assert rows.changes == [WindowChange("a", None, ((0, 8 * US),))]


async def test_a_dataset_takes_only_the_final_result_of_a_session() -> None:
    final = Pane(0, 8 * US, 3, "a", ((0, 8 * US),))
    rows, datasets = await delivered("dataset", a_step((JOINED, False)), a_step((final, True)))
    assert datasets.blocks == {
        "": b"key,start,end,n\n",
        "3-1": b"a,1970-01-01T00:00:00Z,1970-01-01T00:00:08Z,3\n",
    }
    assert len(rows.changes) == 2
    assert not any(change.event for change in rows.changes)
