"""Streams from queue to committed window, on Azurite: exactly once, whatever is killed or sent twice."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from chassis.errors import DependencyUnavailable
from chassis.messaging.message import unpacked
from chassis.messaging.partitions import PARTITIONS
from chassis.storage.rows import RowChanged
from functions.processing.streams.service import StreamDiffers
from functions.processing.streams.session_rows import SessionChange, SessionRows
from functions.processing.streams.state import WindowResult
from functions.processing.streams.windows import Bounds
from local.azurite import Azurite
from tests.integration.processing.nodes import TENANT, Parts, node_process, until

DEFINITION: dict[str, Any] = {
    "key": "k",
    "eventTime": "t",
    "schema": {"k": "string", "t": "integer", "v": "integer"},
    "window": {"type": "tumbling", "sizeS": 60},
    "query": "SELECT COUNT(*) AS n, SUM(v) AS total FROM input",
    "watermarkDelayS": 3600,
    "idleAfterS": None,
}
KEYS, MINUTES = 24, 5


@pytest.fixture
def storage() -> Iterator[str]:
    """An Azurite for one test: nodes of others would take its partitions."""
    with Azurite() as running:
        yield running.connection_string


@pytest_asyncio.fixture
async def parts(storage: str) -> AsyncIterator[Parts]:
    made = Parts(storage)
    yield made
    await made.close()


def some_messages(count: int) -> list[tuple[str, str, Any]]:
    """Shuffled messages of some minutes and keys; about one in eight is there twice."""
    rng = random.Random(count)
    made = []
    for number in range(count):
        key = f"k{number % KEYS}"
        data = {"k": key, "t": rng.randrange(MINUTES * 60_000), "v": rng.randrange(100), "pad": "x" * 200}
        made.append((f"id {number}", key, data))
    made += rng.sample(made, count // 8)
    rng.shuffle(made)
    return made


def closing() -> list[tuple[str, str, Any]]:
    """One message a key that lets the watermark pass all of them."""
    return [(f"closing {key}", f"k{key}", {"k": f"k{key}", "t": 10**8, "v": 0}) for key in range(KEYS)]


async def announced_windows(parts: Parts) -> list[dict[str, Any]]:
    """The events of windows, as subscribers get them."""
    await parts.runtime.events.settle()
    messages = await parts.runtime.queues.receiver("audit-events").peek()
    events = [orjson.loads(body) for message in messages for body in unpacked(message)]
    return [event for event in events if event["type"] == "processing.stream.window"]


def computed(messages: list[tuple[str, str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """One computation over all messages, without the copies."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for _, key, data in {id: message for message in messages for id in message[:1]}.values():
        row = found.setdefault((key, f"1970-01-01T00:{data['t'] // 60_000:02d}:00Z"), {"n": 0, "total": 0})
        row["n"] += 1
        row["total"] += data["v"]
    return found


async def test_windows_are_right_although_nodes_are_killed_again_and_again(
    storage: str, parts: Parts, tmp_path: Path
) -> None:
    await parts.put("orders", **DEFINITION)
    messages = some_messages(12_000)
    sending = asyncio.create_task(parts.send("stream:orders", messages, max_messages=40))
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        nodes = [node_process(storage, tmp_path / "0.log"), node_process(storage, tmp_path / "1.log")]
        for round_ in range(3):
            await asyncio.sleep(2.5)
            victim = nodes[round_ % 2]
            victim.kill()
            victim.wait()
            nodes[round_ % 2] = node_process(storage, tmp_path / f"{round_ + 2}.log")
        await sending
        # A killed node's partitions move after the lease (15 s), its envelopes after their visibility (30 s).
        await until(parts.drained, 120)
        await parts.send("stream:orders", closing())
        expected = computed(messages)

        async def all_windows() -> dict[tuple[str, str], dict[str, Any]] | None:
            found = await parts.windows("orders")
            return found if len(found) == len(expected) else None

        assert await until(all_windows) == expected
        assert (await parts.streams.late(TENANT, "orders", None)).items == ()
        assert (await parts.poison.page(TENANT, 10, None)).items == ()
    finally:
        for node in nodes:
            node.kill()
            node.wait()


async def test_two_nodes_share_the_partitions_and_one_takes_over_what_the_other_leaves(parts: Parts) -> None:
    await parts.put("orders", **DEFINITION)
    messages = some_messages(4000)
    one, two = parts.node(), parts.node()
    one.ensure()
    await parts.send("stream:orders", messages[:1500])

    async def owned(*counts: int) -> bool:
        return (len(one.partitions), len(two.partitions)) == counts

    await until(lambda: owned(PARTITIONS, 0))
    two.ensure()
    await parts.send("stream:orders", messages[1500:3000])
    await until(lambda: owned(PARTITIONS // 2, PARTITIONS // 2))
    assert not set(one.partitions) & set(two.partitions)
    await one.stop()
    await parts.send("stream:orders", [*messages[3000:], *closing()])
    await until(lambda: owned(0, PARTITIONS))
    expected = computed(messages)

    async def all_windows() -> bool:
        return len(await parts.windows("orders")) == len(expected)

    await until(all_windows)
    assert await parts.windows("orders") == expected
    await two.stop()


SESSIONS: dict[str, Any] = {
    **DEFINITION,
    "window": {"type": "session", "gapS": 60},
    "trigger": {"earlyEveryS": 0.001},
    "sink": "event",
}


async def test_early_sessions_replace_each_other_although_writing_them_breaks_off_again_and_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, calls = SessionRows.put, 0

    async def breaking_off(rows: SessionRows, changes: Sequence[SessionChange]) -> None:
        """Of three calls one breaks off after the checkpoint and before the rows, one after the rows."""
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise DependencyUnavailable("before the rows")
        await put(rows, changes)
        if calls % 3 == 2:
            raise DependencyUnavailable("after the rows")

    monkeypatch.setattr(SessionRows, "put", breaking_off)
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
    events = await announced_windows(parts)
    replaced = {
        (data["start"][11:19], data["pane"]): [item["start"][11:19] for item in data["replaces"]]
        for data in (event["data"] for event in events)
    }
    assert replaced["00:00:00", 2] == ["00:00:00", "00:01:40"]
    assert replaced["00:00:00", 4] == []
    assert len({event["id"] for event in events}) == 6


async def test_a_node_that_has_lost_its_partition_writes_no_more_rows_of_sessions(parts: Parts) -> None:
    await parts.put("visits", **SESSIONS)
    stream = await parts.streams.require(TENANT, "visits")

    def change(end: int, pane: int, *replaced: Bounds) -> SessionChange:
        return SessionChange("k1", WindowResult("k1", 0, end, pane, False, {"n": pane}), replaced)

    lost = await parts.window_rows.sessions(stream, 3)
    await lost.put([change(60, 1)])
    owner = await parts.window_rows.sessions(stream, 3)
    for step in (change(60, 1), change(90, 2, (0, 60)), change(90, 2, (0, 60))):
        await owner.put([step])
    with pytest.raises(RowChanged):
        await lost.put([change(60, 1)])
    found = await parts.window_rows.page(stream, first=0, last=None, after=None, limit=10)
    assert [(result.end, result.pane) for _, result in found] == [(90, 2)]
    await parts.window_rows.forget(stream)
    with pytest.raises(RowChanged):
        await owner.put([change(90, 3)])


async def test_a_window_that_no_message_closes_is_closed_by_the_clock_also_after_a_restart(parts: Parts) -> None:
    await parts.put(
        "orders", **{**DEFINITION, "watermarkDelayS": 0, "idleAfterS": 1, "window": {"type": "tumbling", "sizeS": 2}}
    )
    node = parts.node()
    node.ensure()
    await parts.send("stream:orders", [("1", "k1", {"k": "k1", "t": 500, "v": 7})])
    await until(parts.drained)
    await node.stop()
    assert await parts.windows("orders") == {}
    second = parts.node()
    second.ensure()
    assert await until(lambda: parts.windows("orders")) == {("k1", "1970-01-01T00:00:00Z"): {"n": 1, "total": 7}}
    await second.stop()


async def test_what_does_not_fit_is_poison_and_the_rest_of_its_envelope_is_counted(parts: Parts) -> None:
    query = "SELECT COUNT(*) AS n, SUM(CAST(k AS INTEGER)) AS total FROM input"
    await parts.put("orders", **{**DEFINITION, "query": query, "watermarkDelayS": 0})
    node = parts.node()
    node.ensure()
    good: list[tuple[str, str, Any]] = [(f"good {n}", "7", {"k": "7", "t": n, "v": 1}) for n in range(30)]
    bad: list[tuple[str, str, Any]] = [
        ("no time", "7", {"k": "7"}),
        ("fails in SQL", "x", {"k": "x", "t": 1}),
        ("elsewhere", "8", {"k": "a key of another partition", "t": 1}),
    ]
    await parts.send("stream:orders", [*good[:15], *bad, *good[15:], ("end", "7", {"k": "7", "t": 10**8})])
    await until(lambda: parts.windows("orders"))

    async def all_poison() -> Any:
        page = await parts.poison.page(TENANT, 10, None)
        return page.items if len(page.items) == 3 else None

    found = {item.message_id: item.reason for item in await until(all_poison)}
    assert found["no time"] == "'t' is missing"
    assert "Could not convert string 'x' to INT32" in found["fails in SQL"]
    assert "belongs to another partition" in found["elsewhere"]
    assert (await parts.windows("orders"))["7", "1970-01-01T00:00:00Z"] == {"n": 30, "total": 210}
    await node.stop()


async def test_a_stream_fills_a_dataset_and_keeps_late_messages(parts: Parts) -> None:
    await parts.put("orders", **{**DEFINITION, "sink": "dataset", "watermarkDelayS": 0})
    node = parts.node()
    node.ensure()
    for number, time in enumerate((1000, 61_000, 2000)):
        await parts.send("stream:orders", [(str(number), "k1", {"k": "k1", "t": time, "v": 5})])

    async def late() -> Any:
        return (await parts.streams.late(TENANT, "orders", None)).items

    assert await until(late) == ({"id": "2", "data": {"k": "k1", "t": 2000, "v": 5}},)
    dataset = (await parts.streams.describe(TENANT, "orders")).dataset
    blob = await until(lambda: parts.runtime.blobs.container("processing-datasets").get(f"{TENANT}/{dataset}"))
    assert blob == b"key,start,end,n,total\nk1,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,1,5\n"
    await node.stop()


async def test_a_deleted_stream_leaves_nothing_and_may_come_again(parts: Parts) -> None:
    await parts.put("orders", **{**DEFINITION, "watermarkDelayS": 0})
    node = parts.node()
    node.ensure()
    await parts.send("stream:orders", [(str(t), "k1", {"k": "k1", "t": t, "v": 1}) for t in (1, 70_000)])
    await until(lambda: parts.windows("orders"))
    await parts.streams.delete(TENANT, "orders")
    states = [name async for name in parts.runtime.blobs.container("processing-streams").list()]
    assert states == []
    await parts.send("stream:orders", [("lost", "k1", {"k": "k1", "t": 1, "v": 1})])

    async def poison() -> Any:
        return (await parts.poison.page(TENANT, 10, None)).items

    (found,) = await until(poison)
    await parts.put("orders", **{**DEFINITION, "watermarkDelayS": 0})
    async with parts.producer() as producer:
        await parts.poison.replay(TENANT, found.id, producer)
    await parts.send("stream:orders", [("end", "k1", {"k": "k1", "t": 70_000, "v": 1})])
    windows = await until(lambda: parts.windows("orders"))
    assert windows == {("k1", "1970-01-01T00:00:00Z"): {"n": 1, "total": 1}}
    assert await poison() == ()
    await node.stop()


async def test_the_same_definition_is_no_change_and_another_is_refused(parts: Parts) -> None:
    await parts.put("orders", **DEFINITION)
    await parts.put("orders", **DEFINITION)
    with pytest.raises(StreamDiffers):
        await parts.put("orders", **{**DEFINITION, "watermarkDelayS": 1})


async def test_each_result_is_announced_once_where_the_sink_is_events(parts: Parts) -> None:
    await parts.put("orders", **{**DEFINITION, "sink": "event", "watermarkDelayS": 0})
    node = parts.node()
    node.ensure()
    await parts.send("stream:orders", [(str(t), "k1", {"k": "k1", "t": t, "v": 1}) for t in (1, 70_000, 140_000)])

    async def announced() -> Any:
        return len(await parts.windows("orders")) == 2 and await parts.runtime.queues.depth("audit-events") >= 1

    await until(announced)
    await node.stop()
    found = await announced_windows(parts)
    assert len({event["id"] for event in found}) == len(found) == 2
    assert [(event["subject"], event["tenantid"], event["data"]["values"]["n"]) for event in found] == [
        ("orders", TENANT, 1),
        ("orders", TENANT, 1),
    ]
