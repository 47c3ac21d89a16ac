"""What messages and streams are made of, opened when first used."""

from functools import cache

from chassis.context import calling
from chassis.messaging.producer import Producer, QueueTransport
from functions.processing.composition import DATASETS, runtime
from functions.processing.messages.handling import HandlerOpener
from functions.processing.messages.measures import Measures
from functions.processing.messages.node import ProcessingNode
from functions.processing.messages.poison import PoisonStore
from functions.processing.messages.processors import Opens
from functions.processing.messages.sending import Sender
from functions.processing.metadata import Metadata
from functions.processing.repository import DatasetRepository
from functions.processing.streams.opening import LATE, STATES, StreamOpener
from functions.processing.streams.repository import StreamRepository, WindowRepository
from functions.processing.streams.service import Streams

POISON, STREAMS, WINDOWS = "processingpoison", "processingstreams", "processingwindows"
DATASET_CONTAINER = "processing-datasets"


@cache
def producer() -> Producer:
    """The producer of this process: requests that come together travel together."""
    return Producer(QueueTransport(runtime.storage_queues, runtime.blobs))


@cache
def sender() -> Sender:
    """Sends what came over HTTP."""
    return Sender(producer())


@cache
def poison() -> PoisonStore:
    """Messages that could not be done."""
    return PoisonStore(runtime.tables.table(POISON), runtime.blobs.container("processing-poison"))


@cache
def measures() -> Measures:
    """Counters and gauges."""
    return Measures(runtime.telemetry)


@cache
def stream_rows() -> StreamRepository:
    """The definitions."""
    return StreamRepository(runtime.tables.table(STREAMS))


@cache
def window_rows() -> WindowRepository:
    """The results."""
    return WindowRepository(runtime.tables.table(WINDOWS))


@cache
def streams() -> Streams:
    """Streams as their owners see them."""
    return Streams(
        stream_rows(),
        window_rows(),
        runtime.blobs.container(STATES),
        runtime.blobs.container(LATE),
        DatasetRepository(runtime.tables.table(DATASETS)),
        Metadata(runtime.services),
    )


@cache
def node() -> ProcessingNode:
    """This process's share of the partitions."""
    opener = StreamOpener(stream_rows(), window_rows(), runtime.blobs, DATASET_CONTAINER)
    openers: dict[str, Opens] = {"stream": opener, "handler": HandlerOpener(runtime.blobs)}
    return ProcessingNode(runtime.storage_queues, runtime.blobs, poison(), measures(), openers, opener.stored)


def ensure_node() -> None:
    """Take part in the work, from the first trigger of the process on, as the service and not as its caller."""
    with calling(runtime.as_service()):
        node().ensure()
