"""One partition with half a million messages waiting, beside the same with ten thousand: enqueued, drained, memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.contest import Contest, Effort, Sample, Side
from bench.nodes import Nodes, done, opened
from local.azurite import Azurite

ROUNDS = 3


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, on disk: half a gigabyte of messages."""
    small, larger = (10_000, (50_000,)) if effort.quick else (10_000, (100_000, 500_000))
    with TemporaryDirectory(prefix="bench-") as folder, Azurite(in_memory=False) as azurite:
        async with opened(azurite.connection_string, Path(folder)) as nodes:
            yield [
                Contest(
                    f"{count:,} messages of 1 KiB waiting in one partition: the first {small:,} done",
                    "messages/s",
                    Side(f"of {count:,}", partial(_drained, nodes, count, small)),
                    Side(f"of {small:,}", partial(_drained, nodes, small, small)),
                    goal=0.9,
                    rounds=ROUNDS,
                )
                for count in larger
            ]


async def _drained(nodes: Nodes, count: int, first: int) -> Sample:
    """The rate of the first messages, while about all the others still wait; in the details that of all of them."""
    tallies = nodes.folder / uuid4().hex
    enqueued = await nodes.fill("bench-read", count)
    async with nodes.node(tallies, mark=first):
        tallied = await done(tallies, count)
    rate = first / (tallied.mark - tallied.first)
    return Sample(rate, {"all/s": tallied.rate, "enqueued/s": enqueued, "peak MiB": tallied.peak_mib})
