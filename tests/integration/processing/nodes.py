"""Processing nodes on an Azurite: in this process, or as processes of their own that can be killed."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import orjson

from chassis.context import Principal, calling
from chassis.messaging.message import unpacked
from chassis.messaging.partitions import PARTITIONS, queue_of
from chassis.messaging.producer import Producer, ProducerOptions, QueueTransport, delivered
from chassis.runtime import Runtime
from chassis.settings import Settings
from chassis.work import WorkContext
from functions.processing.messages.handling import HandlerOpener
from functions.processing.messages.measures import Measures
from functions.processing.messages.node import ProcessingNode
from functions.processing.messages.poison import PoisonStore
from functions.processing.messages.processors import Opens
from functions.processing.metadata import Metadata
from functions.processing.repository import DatasetRepository
from functions.processing.streams.definition import StreamRequest
from functions.processing.streams.opening import LATE, STATES, StreamOpener
from functions.processing.streams.repository import StreamRepository, WindowRepository
from functions.processing.streams.service import Streams
from local.supervisor.child import die_with_parent

ROOT = Path(__file__).resolve().parents[3]
TENANT = "acme"
WORK = WorkContext(tenant=TENANT, subject="ada")
PATIENCE_S = 60.0
Found = TypeVar("Found")
CALLER = Principal(subject="ada", tenant=TENANT, scopes=frozenset({"processing.write"}))
DEFINITION: dict[str, Any] = {
    "key": "k",
    "eventTime": "t",
    "schema": {"k": "string", "t": "integer", "v": "integer"},
    "window": {"type": "tumbling", "sizeS": 60},
    "query": "SELECT COUNT(*) AS n, SUM(v) AS total FROM input",
    "watermarkDelayS": 3600,
    "idleAfterS": None,
}
"""A stream that takes its messages in any order."""


class Parts:
    """All that a node is made of, over one Azurite. For one event loop."""

    def __init__(self, connection: str) -> None:
        self.runtime = Runtime("processing", Settings(AzureWebJobsStorage=connection))
        runtime = self.runtime
        self.poison = PoisonStore(
            runtime.tables.table("processingpoison"), runtime.blobs.container("processing-poison")
        )
        self.stream_rows = StreamRepository(runtime.tables.table("processingstreams"))
        self.window_rows = WindowRepository(runtime.tables.table("processingwindows"))
        self.streams = Streams(
            self.stream_rows,
            self.window_rows,
            runtime.blobs.container(STATES),
            runtime.blobs.container(LATE),
            DatasetRepository(runtime.tables.table("processingdatasets")),
            Metadata(runtime.services),
        )

    def node(self) -> ProcessingNode:
        """A node that is not started."""
        runtime = self.runtime
        opener = StreamOpener(self.stream_rows, self.window_rows, runtime.blobs, "processing-datasets")
        openers: dict[str, Opens] = {"stream": opener, "handler": HandlerOpener(runtime.blobs)}
        measures = Measures(runtime.telemetry)
        return ProcessingNode(runtime.storage_queues, runtime.blobs, self.poison, measures, openers, opener.stored)

    def producer(self, **options: Any) -> Producer:
        """A producer of these queues."""
        return Producer(QueueTransport(self.runtime.storage_queues, self.runtime.blobs), ProducerOptions(**options))

    async def put(self, name: str, **definition: Any) -> None:
        """Make a stream."""
        with calling(WORK.call()):
            await self.streams.put(CALLER, name, StreamRequest.model_validate(definition))

    async def send(self, target: str, messages: Sequence[tuple[str, str, Any]], **options: Any) -> None:
        """Send messages of id, key and data, and wait until all are stored."""
        async with self.producer(**options) as producer:
            sent = [await producer.send(target, data, key=key, id=id, work=WORK) for id, key, data in messages]
            assert set(await delivered(sent)) == {None}

    async def drained(self) -> bool:
        """Whether no envelope is in any partition, hidden ones included."""
        depths = [await self.runtime.storage_queues.depth(queue_of(partition)) for partition in range(PARTITIONS)]
        return sum(depths) == 0

    async def windows(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """All final windows of a stream by key and start."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        after = None
        while True:
            page = await self.streams.windows(TENANT, name, None, None, after, 1000)
            for item in page.items:
                if item.final:
                    assert (item.key, item.start) not in found, "a window has two rows"
                    found[item.key, item.start] = item.values
            after = page.next
            if after is None:
                return found

    async def announced_windows(self) -> list[dict[str, Any]]:
        """The events of windows, as subscribers get them."""
        await self.runtime.events.settle()
        messages = await self.runtime.queues.receiver("audit-events").peek()
        events = [orjson.loads(body) for message in messages for body in unpacked(message)]
        return [event for event in events if event["type"] == "processing.stream.window"]

    async def close(self) -> None:
        """Close the connections."""
        await self.runtime.close()


async def until(ask: Callable[[], Awaitable[Found | None]], patience_s: float = PATIENCE_S) -> Found:
    """What `ask` gives as soon as it is true."""
    ends_at = monotonic() + patience_s
    while not (found := await ask()):
        assert monotonic() < ends_at, f"after {patience_s} s it still gives {found!r}"
        await asyncio.sleep(0.1)
    return found


def node_process(connection: str, log: Path) -> subprocess.Popen[bytes]:
    """A process with one node, that runs until it is killed."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.integration.processing.node_process"],
            cwd=ROOT,
            env={"STORAGE": connection, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent,
        )
