"""Nodes that are killed, come, go and start again: every message counts once in its window."""

import asyncio
import random
import subprocess
from math import inf
from pathlib import Path
from typing import Any

import pytest

from chassis.messaging.partitions import PARTITIONS
from functions.processing.messages import worker
from tests.integration.processing.nodes import DEFINITION, TENANT, Parts, node_process, until

KEYS, MINUTES = 24, 5


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


async def test_a_window_that_no_message_closes_is_closed_by_the_clock_also_after_a_restart(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.put(
        "orders", **{**DEFINITION, "watermarkDelayS": 0, "idleAfterS": 1, "window": {"type": "tumbling", "sizeS": 2}}
    )
    with monkeypatch.context() as patch:
        patch.setattr(worker, "TICK_S", inf)  # it ends before it looks at the clock
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
