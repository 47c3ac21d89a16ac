"""Two processing nodes beside one, on a handler that computes: each node is one process on one core.

The rate is that from when all messages have been sent (the sender takes a core, too) until nine in ten are done: no two
nodes are given the same number of messages to the last.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.nodes import Nodes, done, opened
from chassis.messaging.producer import ProducerOptions
from functions.processing.messages.ownership import BALANCE_EVERY_S
from local.azurite import Azurite

KEYS = 4_000
SETTLED_S = 5 * BALANCE_EVERY_S
"""After so long the nodes have shared the partitions, also on a busy machine."""
MEASURED = 0.9


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, on disk: in memory it forgets settled messages once a minute, and answers nothing meanwhile."""
    count = 6_000 if effort.quick else 30_000
    with TemporaryDirectory(prefix="bench-") as folder, Azurite(in_memory=False) as azurite:
        async with opened(azurite.connection_string, Path(folder)) as nodes:
            yield [
                Contest(
                    f"{count:,} messages of about a millisecond each",
                    "messages/s",
                    Side("two nodes", partial(_worked, nodes, 2, count)),
                    Side("one node", partial(_worked, nodes, 1, count)),
                    goal=1.8,
                    rounds=2 if effort.quick else 3,
                )
            ]


async def _worked(nodes: Nodes, number: int, count: int) -> Sample:
    """The nodes share the partitions before the first message comes."""
    measured = round(MEASURED * count)
    tallies = nodes.folder / uuid4().hex
    async with AsyncExitStack() as stack:
        for _ in range(number):
            await stack.enter_async_context(nodes.node(tallies))
        await asyncio.sleep(SETTLED_S)
        await nodes.fill("bench-work", count, keys=KEYS, options=ProducerOptions(max_messages=100))
        before = await done(tallies, 1)
        tallied = await done(tallies, measured)
    if measured - before.count < count / 4:
        raise BenchError(f"{before.count:,} of {count:,} messages were done before all had been sent")
    rate = (tallied.count - before.count) / (tallied.last - before.last)
    return Sample(rate, {"peak MiB": tallied.peak_mib})
