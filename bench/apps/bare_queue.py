"""What the queue trigger is measured beside: receive 16, delete each, fetch again when 8 or fewer are left."""

import asyncio
import os

import uvloop
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from bench.apps.stopwatch import Stopwatch

BATCH, REFILL_AT = 16, 8


async def delete(queue: QueueClient, message: QueueMessage) -> None:
    """Settle one message."""
    await queue.delete_message(message.id, message.pop_receipt)


async def drain(queue: QueueClient, stopwatch: Stopwatch) -> None:
    """Handle and delete messages until the wanted number is reached."""
    in_flight: set[asyncio.Task[None]] = set()
    done = False
    while not done:
        pages = queue.receive_messages(messages_per_page=BATCH, max_messages=BATCH, visibility_timeout=30)
        async for message in pages:
            done = stopwatch.handled() or done
            task = asyncio.create_task(delete(queue, message))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)
        while len(in_flight) > REFILL_AT:
            await asyncio.wait(set(in_flight), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*in_flight)


async def main() -> None:
    """Drain BENCH_QUEUE."""
    connection, name = os.environ["AzureWebJobsStorage"], os.environ["BENCH_QUEUE"]  # noqa: SIM112 - its fixed name
    async with QueueClient.from_connection_string(connection, name) as queue:
        await drain(queue, Stopwatch())


if __name__ == "__main__":
    uvloop.run(main())
