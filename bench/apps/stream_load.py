"""Load of a stream at a fixed rate: messages of 1 KiB through the platform's producer, then what closes the windows.

BENCH_LOAD is JSON: connection, target, key count, messages a second, seconds, max messages an envelope, linger.
Writes `{"sent", "first", "last"}` to BENCH_REPORT.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import orjson
import uvloop

from chassis.messaging.producer import Producer, ProducerOptions, QueueTransport
from chassis.runtime import Runtime
from chassis.settings import Settings
from chassis.work import WorkContext

TENANT = "bench"
TICK_S = 0.05
PAD = "x" * 930
AHEAD_MS = 10 * 60 * 1000


async def main() -> None:
    """Send, and report."""
    load = orjson.loads(os.environ["BENCH_LOAD"])
    runtime = Runtime("processing", Settings(AzureWebJobsStorage=load["connection"]))
    options = ProducerOptions(max_messages=load["maxMessages"], linger_s=load["lingerS"])
    async with Producer(QueueTransport(runtime.storage_queues, runtime.blobs), options) as producer:
        report = await _send(producer, load)
    await runtime.close()
    path = Path(os.environ["BENCH_REPORT"])
    path.with_suffix(".draft").write_bytes(orjson.dumps(report))
    path.with_suffix(".draft").replace(path)


async def _send(producer: Producer, load: dict[str, Any]) -> dict[str, float]:
    work = WorkContext(tenant=TENANT, subject="bench")
    wanted = int(load["rate"] * load["seconds"])
    first = time.time()
    sent = 0
    while sent < wanted:
        due = min(wanted, int((time.time() - first) * load["rate"]) + 1)
        for number in range(sent, due):
            await producer.send(load["target"], _data(number, load["keys"]), key=_key(number, load), work=work)
        sent = due
        await asyncio.sleep(TICK_S)
    await producer.flush()
    last = time.time()
    for key in range(load["keys"]):
        closing = {**_data(key, load["keys"]), "t": int(time.time() * 1000) + AHEAD_MS, "v": 0}
        await producer.send(load["target"], closing, key=f"k{key}", work=work)
    return {"sent": sent, "first": first, "last": last}


def _key(number: int, load: dict[str, Any]) -> str:
    return f"k{number % load['keys']}"


def _data(number: int, keys: int) -> dict[str, Any]:
    return {"k": f"k{number % keys}", "t": int(time.time() * 1000), "v": 1, "pad": PAD}


if __name__ == "__main__":
    uvloop.run(main())
