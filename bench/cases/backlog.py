"""One partition with half a million messages waiting, beside the same with ten thousand: enqueued, drained, memory.

Measured at constant depth: beside those that are to wait, the partition holds some more; the rate is that of a stretch
of these, which begins when more has been done than a node fetches ahead, and ends while all the others still wait.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.contest import Contest, Effort, Sample, Side
from bench.nodes import Nodes, done, opened
from local.azurite import Azurite

ROUNDS = 7
FIRST, LAST, FETCHED_AHEAD = 10_000, 110_000, 10_000
"""The stretch that is timed. A node holds at most 2 * AHEAD messages (`intake`), and one envelope more."""


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, on disk: half a gigabyte of messages."""
    small, larger = (10_000, (50_000,)) if effort.quick else (10_000, (100_000, 500_000))
    with TemporaryDirectory(prefix="bench-") as folder, Azurite(in_memory=False) as azurite:
        async with opened(azurite.connection_string, Path(folder)) as nodes:
            yield [
                Contest(
                    f"{LAST - FIRST:,} messages of 1 KiB drained from one partition while others wait",
                    "messages/s",
                    Side(f"{count:,} wait", partial(_drained, nodes, count)),
                    Side(f"{small:,} wait", partial(_drained, nodes, small)),
                    goal=0.9,
                    rounds=min(ROUNDS, effort.rounds),
                )
                for count in larger
            ]


async def _drained(nodes: Nodes, waiting: int) -> Sample:
    """The rate of the stretch; in the details that of enqueueing all, and the node's memory."""
    tallies = nodes.folder / uuid4().hex
    enqueued = await nodes.fill("bench-read", waiting + LAST + FETCHED_AHEAD)
    await asyncio.to_thread(os.sync)  # else the system writes down what was sent while the drain is timed
    async with nodes.node(tallies, marks=(FIRST, LAST)):
        tallied = await done(tallies, LAST)
    await nodes.empty()
    (before, began), (after, ended) = tallied.marks
    return Sample((after - before) / (ended - began), {"enqueued/s": enqueued, "peak MiB": tallied.peak_mib})
