"""A queue function beside a bare receive-and-delete loop: one process each, the same Azurite, the same concurrency.

A round fills a new queue, then starts the consumer, which takes the time itself once it has warmed up.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from bench.contest import Contest, Effort, Sample, Side
from bench.processes import funchost_command, report_of, running
from local.azurite import Azurite
from local.layout import ROOT

BODY = "x" * 1024
SENDERS = 16
TIMEOUT_S = 300.0


class Drain:
    """Measures consumers on one Azurite."""

    def __init__(self, connection: str, folder: Path, messages: int, body: str = BODY) -> None:
        self._connection = connection
        self._folder = folder
        self._messages = messages
        self._body = body

    async def measure(self, name: str, command: tuple[str, ...]) -> Sample:
        """Fill a queue, let the consumer empty it, give its messages a second."""
        queue = f"bench-{uuid4().hex}"
        report = self._folder / f"{queue}.json"
        environment = {
            "AzureWebJobsStorage": self._connection,
            "FUNCHOST_STATE_DIR": str(self._folder / "state"),
            "BENCH_QUEUE": queue,
            "BENCH_COUNT": str(self._messages),
            "BENCH_REPORT": str(report),
            "PYTHONPATH": str(ROOT),
        }
        async with QueueServiceClient.from_connection_string(self._connection) as service:
            await self._fill(service, queue)
            async with running(name, command, self._folder, ready=_at_once, environment=environment) as child:
                rate = (await report_of(child, report, TIMEOUT_S))["rate"]
            await service.delete_queue(queue)
        return Sample(rate)

    async def _fill(self, service: QueueServiceClient, name: str) -> None:
        queue = service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())
        await queue.create_queue()
        left = iter(range(self._messages))

        async def send() -> None:
            for _ in left:
                await queue.send_message(self._body)

        await asyncio.gather(*(send() for _ in range(SENDERS)))


async def _at_once() -> bool:
    return True


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, on disk: in memory its collector stops it for minutes after some thousand messages."""
    with TemporaryDirectory(prefix="bench-") as folder, Azurite(in_memory=False) as azurite:
        sizes = (250,) if effort.quick else (500, 2_000)
        yield [_contest(Drain(azurite.connection_string, Path(folder), messages), messages) for messages in sizes]


def _contest(drain: Drain, messages: int) -> Contest:
    bare = (sys.executable, "-m", "bench.apps.bare_queue")
    return Contest(
        f"{messages:,} messages of 1 KiB, batch 16",
        "messages/s",
        Side("funchost queue trigger", partial(drain.measure, "funchost", funchost_command("queue"))),
        Side("azure-storage-queue loop", partial(drain.measure, "bare", bare)),
        goal=0.9,
    )
