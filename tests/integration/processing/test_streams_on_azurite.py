"""What becomes of a stream's messages and results, on Azurite: windows, late messages, poison, datasets and events."""

from typing import Any

import pytest

from functions.processing.streams.service import StreamDiffers
from tests.integration.processing.nodes import DEFINITION, TENANT, Parts, until


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
    found = await parts.announced_windows()
    assert len({event["id"] for event in found}) == len(found) == 2
    assert [(event["subject"], event["tenantid"], event["data"]["values"]["n"]) for event in found] == [
        ("orders", TENANT, 1),
        ("orders", TENANT, 1),
    ]
