"""A stream on one partition: micro-batch, checkpoint, outputs, in this order.

A batch is done when its step is in the log; only then are its envelopes removed from the queue. Outputs come after the
checkpoint and are idempotent; the next record notes them as delivered, and what is not noted is delivered again after
a crash.
"""

import asyncio
import time
from collections.abc import Sequence

from chassis.messaging.envelope import EnvelopeMessage
from chassis.messaging.partitions import partition_of
from chassis.work import WorkContext
from functions.processing.errors import QueryFailed
from functions.processing.messages.processors import Outcome, Poisoned, UnknownTarget
from functions.processing.messages.state_log import StateLog
from functions.processing.streams.codec import decode_state, decode_step, encode_state, encode_step
from functions.processing.streams.engine import StreamEngine, StreamMessage
from functions.processing.streams.outputs import Outputs
from functions.processing.streams.program import Program
from functions.processing.streams.repository import StoredStream, StreamRepository
from functions.processing.streams.state import Step, StreamState

REFRESH_S = 2.0
"""A stream that was deleted is noticed within this time."""

COMPACT_EVERY = 50


class StreamProcessor:
    """Use `open`. After an error it is not to be used again."""

    def __init__(
        self,
        stream: StoredStream,
        program: Program,
        partition: int,
        log: StateLog,
        outputs: Outputs,
        streams: StreamRepository,
    ) -> None:
        self._stream, self._program, self._partition = stream, program, partition
        self._log, self._outputs, self._streams = log, outputs, streams
        self._engine = self._engine_of(StreamState(stream.definition, program))
        self._sequence = 0
        self._delivered = 0
        self._steps = 0
        self._checked_at = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether windows are open, which time alone may close."""
        return self._engine.state.windows.parts() is not None

    async def load(self) -> None:
        """Rebuild the state from the log, and deliver again what may not have been delivered."""
        loaded = await self._log.load()
        state = StreamState(self._stream.definition, self._program)
        if loaded.base is not None:
            state, header = decode_state(loaded.base, self._stream.definition, self._program)
            self._sequence = self._delivered = header["sequence"]
        open_outputs: dict[int, Step] = {}
        for record in loaded.records:
            step, header = decode_step(record)
            state.absorb(step)
            self._sequence, self._delivered = header["sequence"], header["delivered"]
            open_outputs[self._sequence] = step
        self._engine.close()
        self._engine = self._engine_of(state)
        for sequence, step in open_outputs.items():
            if sequence > self._delivered:
                await self._outputs.deliver(self._partition, sequence, step)
        self._delivered = self._sequence
        if loaded.is_sealed:
            await self._log.roll(self._base(), is_sealed=True)

    async def process(self, messages: Sequence[EnvelopeMessage], work: WorkContext) -> Outcome:
        """Count a batch. Raises UnknownTarget when the stream was deleted."""
        await self._check()
        poisoned: list[Poisoned] = []
        steps = await asyncio.to_thread(self._apply, messages, poisoned)
        await self._commit(steps)
        self._steps += 1
        if self._steps % COMPACT_EVERY == 0:
            await self._tidy()
        duplicates = sum(step.duplicates for step in steps)
        return Outcome(poisoned, duplicates, late=sum(len(step.late) for step in steps))

    async def tick(self) -> None:
        """Early results, and the windows of an idle partition."""
        await self._check()
        step = await asyncio.to_thread(self._engine.tick, _now())
        if step is not None:
            await self._commit([step])
        if self._log.is_long:
            await self._tidy()

    def close(self) -> None:
        """Close the SQL engine."""
        self._engine.close()

    def _apply(self, messages: Sequence[EnvelopeMessage], poisoned: list[Poisoned]) -> list[Step]:
        """The steps of a batch; where the query fails, it is halved until the messages are found that it fails on."""
        try:
            applied = self._engine.apply([StreamMessage(item.id, item.data) for item in messages], _now())
        except QueryFailed as error:
            if len(messages) == 1:
                poisoned.append(Poisoned(messages[0], error.detail))
                return []
            half = len(messages) // 2
            return self._apply(messages[:half], poisoned) + self._apply(messages[half:], poisoned)
        poisoned += [Poisoned(messages[index], reason) for index, reason in applied.invalid]
        return [applied.step]

    async def _commit(self, steps: Sequence[Step]) -> None:
        """Store the steps that change anything, then deliver what they give out."""
        kept = [step for step in steps if step.ids or step.results or step.fired]
        if not kept:
            return
        first = self._sequence + 1
        records = [
            encode_step(step, sequence=first + number, delivered=self._delivered) for number, step in enumerate(kept)
        ]
        await self._log.append(records)
        self._sequence += len(kept)
        for number, step in enumerate(kept):
            await self._outputs.deliver(self._partition, first + number, step)
        self._delivered = self._sequence

    async def _tidy(self) -> None:
        await asyncio.to_thread(self._engine.compact)
        if self._log.is_long:
            await self._log.roll(self._base())

    async def _check(self) -> None:
        if time.monotonic() - self._checked_at < REFRESH_S:
            return
        stored = await self._streams.get(self._stream.tenant, self._stream.name)
        if stored is None or stored.incarnation != self._stream.incarnation:
            raise UnknownTarget(f"the stream {self._stream.name} was deleted")
        self._checked_at = time.monotonic()

    def _base(self) -> bytes:
        return encode_state(self._engine.state, sequence=self._sequence)

    def _engine_of(self, state: StreamState) -> StreamEngine:
        tenant, target, here = self._stream.tenant, self._stream.target, self._partition
        return StreamEngine(
            self._stream.definition,
            self._program,
            state,
            owns=lambda key: partition_of(tenant, target, key) == here,
        )


def _now() -> int:
    return time.time_ns() // 1000
