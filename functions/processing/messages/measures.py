"""What monitoring sees of messages: counted in messages, not in envelopes."""

from chassis.messaging.envelope import unpack
from chassis.messaging.message import MalformedMessage
from chassis.messaging.partitions import PARTITIONS, queue_of
from chassis.messaging.queues import Queues
from chassis.telemetry.providers import Telemetry
from functions.processing.messages.processors import Outcome


class Measures:
    """Counters and gauges of one process."""

    def __init__(self, telemetry: Telemetry) -> None:
        counter = telemetry.counter
        self._done = counter("processing.messages.done", "{message}", "Messages that handlers and streams have done")
        self._poisoned = counter("processing.messages.poisoned", "{message}", "Messages kept as poison")
        self._copies = counter("processing.messages.duplicates", "{message}", "Copies that were left out")
        self._late = counter("processing.messages.late", "{message}", "Messages that came after their windows")
        self._sent = counter("processing.messages.sent", "{message}", "Messages taken over HTTP")
        self._batch = telemetry.histogram("processing.batch.duration", "s", "Time of one micro-batch of one target")
        self._waiting = telemetry.gauge("processing.messages.waiting", "{message}", "Messages waiting in a partition")

    def sent(self, count: int) -> None:
        """Messages that the API has stored."""
        self._sent.add(count)

    def done(self, count: int, outcome: Outcome, seconds: float) -> None:
        """One batch."""
        self._done.add(count - len(outcome.poisoned) - outcome.duplicates)
        self._poisoned.add(len(outcome.poisoned))
        self._copies.add(outcome.duplicates)
        self._late.add(outcome.late)
        self._batch.record(seconds)

    async def depth(self, queues: Queues) -> dict[int, int]:
        """Messages waiting by partition, shown as a gauge too."""
        found = {partition: await waiting(queues, queue_of(partition)) for partition in range(PARTITIONS)}
        for partition, count in found.items():
            self._waiting.set(count, {"partition": partition})
        return found


async def waiting(queues: Queues, queue: str) -> int:
    """About how many messages wait in a queue of envelopes, hidden ones included.

    The service counts envelopes, approximately; the first 32 of them tell how many messages one has on average.
    """
    envelopes = await queues.depth(queue)
    if not envelopes:
        return 0
    counts = []
    for body in await queues.receiver(queue).peek():
        try:
            counts.append(unpack(body).count)
        except MalformedMessage:
            counts.append(1)
    return round(envelopes * sum(counts) / len(counts)) if counts else envelopes
