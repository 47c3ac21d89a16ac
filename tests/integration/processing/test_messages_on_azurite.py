"""Messages for handlers, on Azurite: once each, poison apart, and never more in hand than there is room for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from chassis.errors import DependencyUnavailable
from chassis.messaging.envelope import CLAIMS
from chassis.messaging.partitions import PARTITIONS, partition_of, queue_of
from functions.processing.messages.handlers import HandlerMessage, handler
from functions.processing.messages.intake import AHEAD
from functions.processing.messages.measures import waiting
from functions.processing.messages.node import ProcessingNode
from tests.integration.processing.nodes import TENANT, Parts, until

seen: Counter[str] = Counter()
gate = asyncio.Event()


@handler("test.gated", batch=1000)
async def gated(messages: Sequence[HandlerMessage]) -> None:
    """Counts what comes; refuses some; the sink is away while the gate is closed."""
    for message in messages:
        if message.data.get("bad"):
            raise ValueError("a bad message")
    if not gate.is_set():
        raise DependencyUnavailable("the sink is away")
    seen.update(message.id for message in messages)


@pytest.fixture(autouse=True)
def nothing_seen_and_the_gate_open() -> None:
    seen.clear()
    gate.set()


@pytest_asyncio.fixture
async def node(parts: Parts) -> AsyncIterator[ProcessingNode]:
    started = parts.node()
    started.ensure()
    yield started
    await started.stop()


def some(count: int, **data: Any) -> list[tuple[str, str, Any]]:
    return [(f"id {number}", f"k{number % 16}", {"v": number, **data}) for number in range(count)]


async def test_every_message_is_handled_once_although_producers_repeat(parts: Parts, node: ProcessingNode) -> None:
    messages = some(3000)
    await parts.send("handler:test.gated", messages)
    await parts.send("handler:test.gated", messages[::3])
    await until(parts.drained)
    assert seen == Counter(id for id, _, _ in messages)
    await node.stop()
    # What was done is remembered where the next node finds it.
    second = parts.node()
    second.ensure()
    await parts.send("handler:test.gated", [*messages[::5], ("new", "k1", {"v": 1})])
    await until(parts.drained)
    await second.stop()
    assert seen == Counter([*(id for id, _, _ in messages), "new"])


async def test_poison_is_taken_out_of_its_envelope_and_may_be_replayed(parts: Parts, node: ProcessingNode) -> None:
    messages = some(100)
    bad = [("bad 1", "k1", {"bad": True}), ("bad 2", "k1", {"bad": True, "big": "x" * 40_000})]
    await parts.send("handler:test.gated", [*messages[:50], *bad, *messages[50:]])
    await parts.send("handler:nobody", [("lost", "k1", {"v": 1})])

    async def kept() -> Any:
        items = (await parts.poison.page(TENANT, 10, None)).items
        return items if len(items) == 3 else None

    items = {item.message_id: item for item in await until(kept)}
    await until(parts.drained)
    assert seen == Counter(id for id, _, _ in messages)
    assert items["bad 1"].reason == "ValueError: a bad message"
    assert items["bad 2"].data == {"bad": True, "big": "x" * 40_000}
    assert items["lost"].reason == "no handler is called nobody"
    assert (await parts.poison.page("another tenant", 10, None)).items == ()
    first = await parts.poison.page(TENANT, 2, None)
    rest = await parts.poison.page(TENANT, 2, first.next)
    assert sorted(item.message_id for item in [*first.items, *rest.items]) == ["bad 1", "bad 2", "lost"]

    async with parts.producer() as producer:
        await parts.poison.replay(TENANT, items["bad 1"].id, producer)
    await until(kept)  # it is as bad as before


async def test_while_the_sink_is_away_messages_wait_and_the_node_takes_no_more_than_it_has_room_for(
    parts: Parts, node: ProcessingNode
) -> None:
    gate.clear()
    messages = some(6 * AHEAD)
    one_key = [(id, "k1", data) for id, _, data in messages]
    await parts.send("handler:test.gated", one_key, max_messages=100)
    worker = await until(lambda: _worker(node, partition_of(TENANT, "handler:test.gated", "k1")))

    async def is_full() -> bool:
        return bool(worker.held >= 2 * AHEAD)

    await until(is_full)
    await asyncio.sleep(2)
    assert worker.held <= 2 * AHEAD + 32 * 100  # a last look at the queue brings up to 32 envelopes
    assert not seen
    assert (await parts.poison.page(TENANT, 10, None)).items == ()
    gate.set()
    await until(parts.drained)
    assert seen == Counter(id for id, _, _ in messages)


async def _worker(node: ProcessingNode, partition: int) -> Any:
    return node._workers.get(partition)


async def test_depth_is_counted_in_messages_small_envelopes_and_large(parts: Parts) -> None:
    target = "handler:test.gated"
    queue = queue_of(partition_of(TENANT, target, "k"))
    await parts.send(target, [(str(n), "k", {"v": n}) for n in range(600)], max_messages=100)
    assert await waiting(parts.runtime.storage_queues, queue) == 600
    await parts.send(target, [(str(n), "k", {"pad": "x" * 1000}) for n in range(600)], max_messages=100)
    assert await waiting(parts.runtime.storage_queues, queue) == 1200
    claims = [name async for name in parts.runtime.blobs.container(CLAIMS).list()]
    assert len(claims) == 6
    node = parts.node()
    node.ensure()
    await until(parts.drained)
    await node.stop()
    assert [name async for name in parts.runtime.blobs.container(CLAIMS).list()] == []
    queues = parts.runtime.storage_queues
    assert [await waiting(queues, queue_of(partition)) for partition in range(PARTITIONS)] == [0] * 8


async def test_what_is_no_envelope_is_kept_whole(parts: Parts, node: ProcessingNode) -> None:
    await parts.runtime.storage_queues.put(queue_of(0), b"no envelope")

    async def kept() -> Any:
        return (await parts.poison.page("platform", 10, None)).items

    (found,) = await until(kept)
    assert found.data == {"content": "bm8gZW52ZWxvcGU="}
    await until(parts.drained)
