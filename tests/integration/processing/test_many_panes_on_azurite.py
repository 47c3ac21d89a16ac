"""Rows of windows that are given more than once: a result takes the place of the former ones, whatever breaks off."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from chassis.errors import DependencyUnavailable
from chassis.storage.rows import RowChanged
from functions.processing.streams.claimed_rows import ClaimedRows, WindowChange
from functions.processing.streams.state import WindowResult
from functions.processing.streams.windows import Bounds
from tests.integration.processing.nodes import DEFINITION, TENANT, Parts, until

SESSIONS: dict[str, Any] = {
    **DEFINITION,
    "window": {"type": "session", "gapS": 60},
    "trigger": {"earlyEveryS": 0.001},
    "sink": "event",
}


@pytest.fixture
def writing_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three writes one breaks off after the checkpoint and before the rows, one after the rows."""
    put, calls = ClaimedRows.put, 0

    async def breaking_off(rows: ClaimedRows, changes: Sequence[WindowChange]) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise DependencyUnavailable("before the rows")
        await put(rows, changes)
        if calls % 3 == 2:
            raise DependencyUnavailable("after the rows")

    monkeypatch.setattr(ClaimedRows, "put", breaking_off)


@pytest.mark.usefixtures("writing_breaks_off")
async def test_early_sessions_replace_each_other_although_writing_them_breaks_off_again_and_again(parts: Parts) -> None:
    await parts.put("visits", **SESSIONS)
    node = parts.node()
    node.ensure()

    async def rows() -> list[tuple[str, int, int, bool]]:
        items = (await parts.streams.windows(TENANT, "visits", None, None, None, 100)).items
        assert all(one.end <= other.start for one, other in pairwise(items)), "a former result is left"
        return [(f"{item.start[11:19]}-{item.end[11:19]}", item.values["n"], item.pane, item.final) for item in items]

    async def send(second: int) -> None:
        await parts.send("stream:visits", [(str(second), "k1", {"k": "k1", "t": second * 1000, "v": 1})])

    for second, expected in (
        (0, [("00:00:00-00:01:00", 1, 1, False)]),
        (100, [("00:00:00-00:01:00", 1, 1, False), ("00:01:40-00:02:40", 1, 1, False)]),
        (50, [("00:00:00-00:02:40", 3, 2, False)]),
        (20, [("00:00:00-00:02:40", 4, 3, False)]),
        (86_000, [("00:00:00-00:02:40", 4, 4, True), ("23:53:20-23:54:20", 1, 1, False)]),
    ):
        await send(second)

        async def is_so(expected: Any = expected) -> bool:
            return await rows() == expected and await parts.drained()

        await until(is_so)
    await node.stop()
    events = await parts.announced_windows()
    replaced = {
        (data["start"][11:19], data["pane"]): [item["start"][11:19] for item in data["replaces"]]
        for data in (event["data"] for event in events)
    }
    assert replaced["00:00:00", 2] == ["00:00:00", "00:01:40"]
    assert replaced["00:00:00", 4] == []
    assert len({event["id"] for event in events}) == 6


async def test_a_node_that_has_lost_its_partition_writes_no_more_rows(parts: Parts) -> None:
    await parts.put("visits", **SESSIONS)
    stream = await parts.streams.require(TENANT, "visits")

    def change(end: int, pane: int, *replaced: Bounds) -> WindowChange:
        return WindowChange("k1", WindowResult("k1", 0, end, pane, False, {"n": pane}), replaced)

    lost = await parts.window_rows.claimed(stream, 3)
    await lost.put([change(60, 1)])
    owner = await parts.window_rows.claimed(stream, 3)
    for step in (change(60, 1), change(90, 2, (0, 60)), change(90, 2, (0, 60))):
        await owner.put([step])
    with pytest.raises(RowChanged):
        await lost.put([change(60, 1)])
    found = await parts.window_rows.page(stream, first=0, last=None, after=None, limit=10)
    assert [(result.end, result.pane) for _, result in found] == [(90, 2)]
    await parts.window_rows.forget(stream)
    with pytest.raises(RowChanged):
        await owner.put([change(90, 3)])


async def test_an_early_result_that_having_leaves_out_later_is_gone_and_the_others_stay(parts: Parts) -> None:
    query = "SELECT COUNT(*) AS n FROM input HAVING SUM(v) < 5"
    await parts.put("small", **{**DEFINITION, "query": query, "trigger": {"earlyEveryS": 0.001}})
    node = parts.node()
    node.ensure()

    async def rows() -> dict[str, int]:
        items = (await parts.streams.windows(TENANT, "small", None, None, None, 100)).items
        return {item.key: item.values["n"] for item in items}

    for number, (batch, expected) in enumerate([
        ({"a": 1, "b": 1}, {"a": 1, "b": 1}),
        ({"a": 9}, {"b": 1}),
        ({"a": -9, "b": 1}, {"a": 3, "b": 2}),
    ]):  # fmt: skip
        sent = [(f"{number}{key}", key, {"k": key, "t": 1000, "v": value}) for key, value in batch.items()]
        await parts.send("stream:small", sent)

        async def is_so(expected: Any = expected) -> bool:
            return await rows() == expected and await parts.drained()

        await until(is_so)
    await node.stop()
