"""A stream of 60 s tumbling windows on 1 KiB messages, from queue to committed window, on one function process.

Beside: the bare queue client's receive-and-delete loop on the same Azurite, on messages of 1 KiB and on the very
envelopes; and Celery on Redis with the same handler. The load is a process of its own at a fixed rate.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bench.apps.stream_load import TENANT
from bench.cases.funchost_queue import Drain
from bench.contest import BenchError, Contest, Effort, Sample, Side
from bench.nodes import PAD, WORK, Nodes, done, opened
from bench.processes import report_of, running
from chassis.context import Principal, calling
from chassis.messaging.envelope import OutgoingMessage, fits_queue, pack
from chassis.messaging.producer import ProducerOptions
from functions.processing.metadata import Metadata
from functions.processing.repository import DatasetRepository
from functions.processing.streams.definition import StreamRequest
from functions.processing.streams.opening import LATE, STATES
from functions.processing.streams.repository import StreamRepository, WindowRepository
from functions.processing.streams.service import Streams
from local import ports
from local.azurite import Azurite
from local.layout import ROOT
from local.supervisor.probes import listening

RATE = 4_000
"""Messages a second that are offered; the goal is 2,500."""

KEYS = 40
GOAL_PER_S = 2_500
PATIENCE_S = 120.0
STREAM = StreamRequest.model_validate(
    {
        "key": "k",
        "eventTime": "t",
        "schema": {"k": "string", "t": "integer", "v": "integer", "pad": "string"},
        "window": {"type": "tumbling", "sizeS": 60},
        "query": "SELECT COUNT(*) AS n, SUM(v) AS total, AVG(v) AS mean FROM input",
        "watermarkDelayS": 5,
    }
)


class StreamBench:
    """Measures a stream on one node, at an offered rate."""

    def __init__(self, nodes: Nodes, seconds: float) -> None:
        self._nodes, self._seconds = nodes, seconds
        runtime = nodes.runtime
        self._windows = WindowRepository(runtime.tables.table("processingwindows"))
        self._streams = Streams(
            StreamRepository(runtime.tables.table("processingstreams")),
            self._windows,
            runtime.blobs.container(STATES),
            runtime.blobs.container(LATE),
            DatasetRepository(runtime.tables.table("processingdatasets")),
            Metadata(runtime.services),
        )

    async def measure(self) -> Sample:
        """Offer messages for the time, wait until every one is in a committed window."""
        name = f"s-{uuid4().hex[:12]}"
        with calling(WORK.call()):
            await self._streams.put(Principal("bench", TENANT), name, STREAM)
        folder = self._nodes.folder
        async with self._nodes.node(folder / name) as node:
            report = folder / f"{name}.json"
            environment = {
                "BENCH_REPORT": str(report),
                "PYTHONPATH": str(ROOT),
                "BENCH_LOAD": json.dumps({
                    "connection": self._nodes.connection, "target": f"stream:{name}", "keys": KEYS, "rate": RATE,
                    "seconds": self._seconds, "maxMessages": 1000, "lingerS": 0.25,
                }),
            }  # fmt: skip
            command = (sys.executable, "-m", "bench.apps.stream_load")
            async with running(f"load-{name}", command, folder, ready=_at_once, environment=environment) as child:
                sent = await report_of(child, report, self._seconds * 3 + PATIENCE_S)
            committed = await self._committed(name, int(sent["sent"]))
            if node.exit_code is not None:
                raise BenchError("the node has ended")
        return Sample(
            sent["sent"] / (committed - sent["first"]),
            {"offered/s": sent["sent"] / (sent["last"] - sent["first"]), "last window s": committed - sent["last"]},
        )

    async def _committed(self, name: str, count: int) -> float:
        """When all messages were in final windows."""
        ends_at = time.monotonic() + PATIENCE_S
        found = 0
        while time.monotonic() < ends_at:
            page = await self._streams.windows(TENANT, name, None, None, None, 1000)
            found = sum(item.values["n"] for item in page.items if item.final)
            if found == count:
                return time.time()
            if found > count:
                raise BenchError(f"{found:,} messages were counted, {count:,} were sent")
            await asyncio.sleep(0.1)
        raise BenchError(f"only {found:,} of {count:,} messages are in committed windows")


@asynccontextmanager
async def contests(effort: Effort) -> AsyncIterator[Sequence[Contest]]:
    """Start Azurite, on disk (in memory it forgets settled messages for minutes), and Redis where it is installed."""
    seconds = 10.0 if effort.quick else 120.0
    many, few = (20_000, 400) if effort.quick else (100_000, 2_000)
    rounds = 2 if effort.quick else 4
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        azurite = stack.enter_context(Azurite(in_memory=False))
        nodes = await stack.enter_async_context(opened(azurite.connection_string, folder))
        bare = (sys.executable, "-m", "bench.apps.bare_queue")
        one_by_one = partial(Drain(azurite.connection_string, folder, few).measure, "bare", bare)
        stream = StreamBench(nodes, seconds)
        found = [
            Contest(
                f"60 s windows, {RATE:,}/s offered for {seconds:.0f} s (goal {GOAL_PER_S:,}/s)",
                "messages/s",
                Side("stream, one node", stream.measure),
                Side("bare receive + delete", one_by_one),
                rounds=2,
            ),
            Contest(
                f"{many:,} messages to a handler",
                "messages/s",
                Side("handler, one node", partial(_handled, nodes, many, ProducerOptions())),
                Side("bare loop over envelopes", partial(_bare_envelopes, azurite.connection_string, folder, few)),
                rounds=rounds,
            ),
            Contest(
                f"{few:,} messages, one an envelope",
                "messages/s",
                Side("handler, one node", partial(_handled, nodes, few, ProducerOptions(max_messages=1, linger_s=0))),
                Side("bare receive + delete", one_by_one),
                rounds=rounds,
            ),
        ]
        yield [*found, *await _beside_celery(stack, nodes, folder, many // 5, rounds)]


async def _handled(nodes: Nodes, count: int, options: ProducerOptions) -> Sample:
    """The handler on one node, which finds all messages waiting in all partitions."""
    tallies = nodes.folder / uuid4().hex
    sent = await nodes.fill("bench-read", count, keys=KEYS, options=options)
    async with nodes.node(tallies):
        tallied = await done(tallies, count)
    return Sample(tallied.rate, {"enqueued/s": sent, "peak MiB": tallied.peak_mib})


async def _bare_envelopes(connection: str, folder: Path, count: int) -> Sample:
    """The bare loop over envelopes that go into a queue message, counted in the messages they carry."""
    messages = [OutgoingMessage.of(uuid4().hex, "k1", {"k": "k1", "v": 1, "pad": PAD})]
    while fits_queue([*messages, messages[0]]):
        messages.append(messages[0])
    body = pack("handler:bench-read", messages, WORK).decode()
    drain = Drain(connection, folder, max(100, count // 4), body)
    sample = await drain.measure("bare", (sys.executable, "-m", "bench.apps.bare_queue"))
    return Sample(sample.value * len(messages))


async def _beside_celery(stack: AsyncExitStack, nodes: Nodes, folder: Path, count: int, rounds: int) -> list[Contest]:
    server = shutil.which("redis-server")
    if server is None:
        print("without Celery on Redis: redis-server is not installed (apt install redis-server)")
        return []
    (port,) = ports.any_free(1)
    command = (server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    await stack.enter_async_context(running("redis", command, folder, ready=listening(port)))
    celery = partial(_celery, f"redis://127.0.0.1:{port}/0", folder, count)
    ours = partial(_handled, nodes, count, ProducerOptions())
    return [
        Contest(
            f"{count:,} messages of 1 KiB, the same handler",
            "messages/s",
            Side("handler, one node", ours),
            Side("Celery on Redis, one process", celery),
            rounds=rounds,
        )
    ]


async def _celery(url: str, folder: Path, count: int) -> Sample:
    """Celery's worker, one process, which finds all tasks waiting."""
    from bench.apps.celery_app import app

    tallies = folder / uuid4().hex
    tallies.mkdir()
    app.conf.broker_url = url
    began = time.perf_counter()
    await asyncio.to_thread(_enqueue, count)
    enqueued = count / (time.perf_counter() - began)
    worker = (sys.executable, "-m", "celery", "-A", "bench.apps.celery_app", "worker", "--pool", "solo", "-l", "ERROR")
    environment = {"BENCH_REDIS": url, "BENCH_TALLIES": str(tallies), "PYTHONPATH": str(ROOT)}
    name = f"celery-{tallies.name[:8]}"
    async with running(name, worker, folder, ready=_at_once, environment=environment):
        tallied = await done(tallies, count)
    return Sample(tallied.rate, {"enqueued/s": enqueued, "peak MiB": tallied.peak_mib})


def _enqueue(count: int) -> None:
    from bench.apps.celery_app import flush, read_one

    with read_one.app.pool.acquire(block=True) as connection, read_one.app.amqp.Producer(connection) as producer:
        for number in range(count):
            read_one.apply_async(({"k": "k1", "v": number, "pad": PAD},), producer=producer)
        flush.apply_async(producer=producer)


async def _at_once() -> bool:
    return True
