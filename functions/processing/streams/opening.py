"""Opens streams on partitions."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from chassis.storage.blobs import Blobs
from chassis.storage.keys import decode_key
from functions.processing.messages.processors import UnknownTarget
from functions.processing.messages.state_log import StateLog
from functions.processing.streams.outputs import Outputs
from functions.processing.streams.processor import StreamProcessor
from functions.processing.streams.program import Program, compile_query
from functions.processing.streams.repository import StoredStream, StreamRepository, WindowRepository

STATES = "processing-streams"
LATE = "processing-late"
_KEPT_PROGRAMS = 64


class StreamOpener:
    """Opens processors with the state that was stored last."""

    def __init__(self, streams: StreamRepository, windows: WindowRepository, blobs: Blobs, datasets: str) -> None:
        self._streams, self._windows, self._blobs = streams, windows, blobs
        self._late, self._datasets = blobs.container(LATE), blobs.container(datasets)
        self._programs: OrderedDict[str, Program] = OrderedDict()

    async def open(self, tenant: str, name: str, partition: int) -> StreamProcessor:
        """The processor of a stream. Raises UnknownTarget."""
        stream = await self._streams.get(tenant, name)
        if stream is None:
            raise UnknownTarget(f"there is no stream {name}")
        program = await self._program(stream)
        # Before the log is read: what another node has written until now is in it, and it writes no more.
        claimed = await self._windows.claimed(stream, partition) if stream.definition.has_many_panes else None
        outputs = Outputs(stream, program.output, self._windows, self._late, self._datasets, claimed)
        log = StateLog(self._blobs, STATES, stream.prefix(partition))
        processor = StreamProcessor(stream, program, partition, log, outputs, self._streams)
        try:
            await processor.load()
        except BaseException:
            processor.close()
            raise
        return processor

    async def stored(self, partition: int) -> Sequence[tuple[str, str]]:
        """The targets that have a state on a partition: tenant and `stream:<name>`."""
        found = set()
        async for blob in self._blobs.container(STATES).list(f"{partition}/"):
            _, tenant, name, *_ = blob.split("/")
            found.add((decode_key(tenant), f"stream:{name}"))
        return sorted(found)

    async def _program(self, stream: StoredStream) -> Program:
        if stream.incarnation not in self._programs:
            self._programs[stream.incarnation] = await asyncio.to_thread(compile_query, stream.definition)
            if len(self._programs) > _KEPT_PROGRAMS:
                self._programs.popitem(last=False)
        return self._programs[stream.incarnation]
