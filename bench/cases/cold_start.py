"""From zero: a message waits, a function process is started for it, its handler has done it. Beside the limit."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.contest import Contest, Effort, Sample, Side
from bench.nodes import Nodes, done, opened
from local.azurite import Azurite

LIMIT_S = 5.0


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, in memory."""
    with TemporaryDirectory(prefix="bench-") as folder, Azurite() as azurite:
        async with opened(azurite.connection_string, Path(folder)) as nodes:
            yield [
                Contest(
                    "first message of an empty queue, no process running",
                    "s",
                    Side("start to first message done", partial(_first_done, nodes)),
                    Side("the limit", _limit),
                    goal=1.0,
                    is_cost=True,
                )
            ]


async def _first_done(nodes: Nodes) -> Sample:
    tallies = nodes.folder / uuid4().hex
    began = time.time()
    await nodes.fill("bench-read", 1)
    async with nodes.node(tallies):
        ready = time.time()
        tallied = await done(tallies, 1)
    return Sample(tallied.last - began, {"process ready s": ready - began})


async def _limit() -> Sample:
    return Sample(LIMIT_S)
