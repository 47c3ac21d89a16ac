"""Processing nodes to measure: real function processes over an Azurite of the bench's own."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from bench.contest import BenchError
from bench.processes import running
from chassis.messaging.envelope import CLAIMS
from chassis.messaging.partitions import PARTITIONS, queue_of
from chassis.messaging.producer import Producer, ProducerOptions, QueueTransport
from chassis.runtime import Runtime
from chassis.settings import Settings
from chassis.work import WorkContext
from local import ports
from local.layout import ROOT
from local.supervisor.child import Child
from local.supervisor.probes import answering

WORK = WorkContext(tenant="bench", subject="bench")
PAD = "x" * 930
"""With id, key and the other fields a message has 1 KiB."""

STALLED_S = 60.0
DELETED_AT_ONCE = 16


@dataclass(frozen=True)
class Tallied:
    """What the nodes have done together; times of the clock, memory of the largest, marks of one of them."""

    count: int
    first: float
    last: float
    marks: Sequence[tuple[int, float]]
    peak_mib: float

    @property
    def rate(self) -> float:
        """Messages a second from the first batch to the last."""
        return self.count / (self.last - self.first)


class Nodes:
    """Nodes, and messages for them."""

    def __init__(self, connection: str, folder: Path) -> None:
        self.connection = connection
        self.folder = folder
        self.runtime = Runtime("processing", Settings(AzureWebJobsStorage=connection))

    @asynccontextmanager
    async def node(self, tallies: Path, marks: Sequence[int] = ()) -> AsyncIterator[Child]:
        """One function process with the whole processing service, as it runs in its container."""
        (port,) = ports.any_free(1)
        name = f"node-{uuid4().hex[:8]}"
        command = (sys.executable, "-m", "funchost", "start", "--app", str(ROOT), "--port", str(port), "--grace", "5")
        await asyncio.to_thread(tallies.mkdir, parents=True, exist_ok=True)
        environment = {
            "AzureWebJobsStorage": self.connection,
            "PLATFORM_SERVICES": "processing",
            "PLATFORM_PROCESSING_HANDLERS": "bench.apps.message_handlers",
            "FUNCHOST_STATE_DIR": str(self.folder / name),
            "BENCH_TALLIES": str(tallies),
            "BENCH_MARKS": ",".join(map(str, marks)),
            "PYTHONPATH": str(ROOT),
            "POLARS_MAX_THREADS": "1",
        }
        ready = answering(f"http://127.0.0.1:{port}/processing/health/live")
        async with running(name, command, self.folder, ready=ready, environment=environment) as child:
            yield child

    async def fill(self, handler: str, count: int, *, keys: int = 1, options: ProducerOptions | None = None) -> float:
        """Send messages for a handler; messages a second. With one key they lie in one partition."""
        began = time.perf_counter()
        run = uuid4().hex
        async with Producer(QueueTransport(self.runtime.storage_queues, self.runtime.blobs), options) as producer:
            for number in range(count):
                key = f"k{number % keys}"
                data = {"k": key, "v": number, "pad": PAD}
                await producer.send(f"handler:{handler}", data, key=key, id=f"{run}-{number}", work=WORK)
        return count / (time.perf_counter() - began)

    async def empty(self) -> None:
        """Forget all that waits."""
        async with QueueServiceClient.from_connection_string(self.connection) as service:
            for partition in range(PARTITIONS):
                with suppress(ResourceNotFoundError):
                    await service.get_queue_client(queue_of(partition)).clear_messages()
        claims = self.runtime.blobs.container(CLAIMS)
        names = [name async for name in claims.list()]
        for start in range(0, len(names), DELETED_AT_ONCE):
            await asyncio.gather(*map(claims.delete, names[start : start + DELETED_AT_ONCE]))

    async def close(self) -> None:
        """Close the connections."""
        await self.runtime.close()


async def done(tallies: Path, count: int) -> Tallied:
    """What the nodes report once they have done so many messages. Raises BenchError when they come to a halt."""
    last, since = -1, time.monotonic()
    while True:
        found = read_tallies(tallies)
        if found is not None and found.count >= count:
            return found
        if found is not None and found.count > last:
            last, since = found.count, time.monotonic()
        if time.monotonic() - since > STALLED_S:
            raise BenchError(f"the nodes have done {max(last, 0):,} of {count:,} messages and go no further")
        await asyncio.sleep(0.02)


def read_tallies(folder: Path) -> Tallied | None:
    """The sum of all tallies; None when there is none yet."""
    reports: list[Mapping[str, Any]] = [orjson.loads(file.read_bytes()) for file in folder.glob("*.json")]
    if not reports:
        return None
    return Tallied(
        count=int(sum(report["count"] for report in reports)),
        first=min(report["first"] for report in reports),
        last=max(report["last"] for report in reports),
        marks=max((report["marks"] for report in reports), key=len),
        peak_mib=max(report["peakMiB"] for report in reports),
    )


@asynccontextmanager
async def opened(connection: str, folder: Path) -> AsyncIterator[Nodes]:
    """Nodes whose connections are closed at the end."""
    # The clients tell of every retry; what matters is told by the figures.
    os.environ.setdefault("AZURE_LOG_LEVEL", "error")
    nodes = Nodes(connection, folder)
    try:
        yield nodes
    finally:
        await nodes.close()
