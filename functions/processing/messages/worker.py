"""One partition's work: take envelopes, give each target its messages, keep poison, settle; and so on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from azure.core.exceptions import AzureError

from chassis.context import calling
from chassis.errors import PlatformError
from chassis.messaging.envelope import EnvelopeMessage
from chassis.work import WorkContext
from functions.processing.messages.intake import Held, Intake
from functions.processing.messages.measures import Measures
from functions.processing.messages.poison import PoisonStore, of_unreadable
from functions.processing.messages.processors import Opens, Outcome, Poisoned, Processor, UnknownTarget

BATCH = 2000
FIRST_BATCH = 250
TURN_S = 1.0
"""Work in hand is kept to about this time: so long a partition takes to be given up, and so much is lost in a crash."""

WAIT_S = 0.5
TICK_S = 1.0
MAX_DELIVERIES = 10
"""An envelope that was delivered so often without being settled has ended its node each time: it is poison whole."""

RETRY_MIN_S, RETRY_MAX_S = 0.2, 10.0
IDLE_CLOSE_S = 300.0
"""A target that had no message for so long gives its memory back."""

log = logging.getLogger(__name__)
Target = tuple[str, str]
"""Tenant and `handler:<name>` or `stream:<name>`."""


@dataclass
class _Lane:
    """One target on this partition. `parked` are envelopes that wait because the target failed."""

    target: Target
    processor: Processor | None = None
    parked: list[Held] = field(default_factory=list)
    retry_at: float = 0.0
    failures: int = 0
    used_at: float = field(default_factory=monotonic)


class PartitionWorker:
    """Works until `stop`. A target that fails waits and is tried again; the others go on as long as there is room."""

    def __init__(
        self,
        partition: int,
        intake: Intake,
        openers: Mapping[str, Opens],
        poison: PoisonStore,
        measures: Measures,
        found: Callable[[int], Awaitable[Sequence[Target]]] | None = None,
    ) -> None:
        self._partition = partition
        self._intake = intake
        self._openers = openers
        self._poison = poison
        self._measures = measures
        self._found = found
        self._lanes: dict[Target, _Lane] = {}
        self._task: asyncio.Task[None] | None = None
        self._ticked_at = 0.0
        self._is_stopping = False
        self._most = FIRST_BATCH

    @property
    def held(self) -> int:
        """Messages taken from the queue and not settled."""
        return self._intake.held

    def start(self) -> None:
        """Begin."""
        self._intake.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the batch in hand and give the rest back."""
        self._is_stopping = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._intake.stop()
        for lane in self._lanes.values():
            if lane.processor is not None:
                lane.processor.close()
        self._lanes.clear()

    async def _run(self) -> None:
        for target in await self._stored_targets():
            self._lane(target)
        while not self._is_stopping:
            try:
                await self._turn()
            except Exception:
                log.exception("partition %d: a turn failed; what it held is delivered again", self._partition)
                await asyncio.sleep(TICK_S)

    async def _stored_targets(self) -> Sequence[Target]:
        """Targets that have a state here: their windows may be due although no message comes."""
        if self._found is None:
            return ()
        try:
            return await self._found(self._partition)
        except (PlatformError, AzureError) as error:
            log.warning("the states of partition %d can't be listed: %s", self._partition, error)
            return ()

    async def _turn(self) -> None:
        taken = await self._intake.take(self._most, self._wait_s())
        began = monotonic()
        for lane, envelopes in self._by_target(taken).values():
            await self._do(lane, envelopes)
        if taken:
            pace = sum(item.count for item in taken) / max(monotonic() - began, 1e-6)
            self._most = max(1, min(BATCH, round(pace * TURN_S), 4 * self._most))
        await self._retry_parked()
        if monotonic() - self._ticked_at >= TICK_S:
            self._ticked_at = monotonic()
            await self._tick()

    def _wait_s(self) -> float:
        waits = [lane.retry_at - monotonic() for lane in self._lanes.values() if lane.parked]
        return max(0.01, min([WAIT_S, *waits]))

    def _by_target(self, taken: Sequence[Held]) -> dict[Target | str, tuple[_Lane | None, list[Held]]]:
        groups: dict[Target | str, tuple[_Lane | None, list[Held]]] = {}
        for item in taken:
            if item.envelope is None or item.problem is not None or item.message.dequeue_count > MAX_DELIVERIES:
                groups.setdefault("", (None, []))[1].append(item)
            else:
                target = (item.envelope.work.tenant, item.envelope.target)
                groups.setdefault(target, (self._lane(target), []))[1].append(item)
        return groups

    def _lane(self, target: Target) -> _Lane:
        if target not in self._lanes:
            self._lanes[target] = _Lane(target)
        return self._lanes[target]

    async def _do(self, lane: _Lane | None, taken: list[Held]) -> None:
        if lane is None:
            await self._bury(taken)
        elif lane.parked:
            lane.parked += taken
        else:
            await self._work(lane, taken)

    async def _retry_parked(self) -> None:
        for lane in self._lanes.values():
            if lane.parked and lane.retry_at <= monotonic():
                taken, lane.parked = lane.parked, []
                await self._work(lane, taken)

    async def _work(self, lane: _Lane, taken: list[Held]) -> None:
        """Do the envelopes of one target in order; on failure they are parked, in order."""
        messages = [message for item in taken for message in item.messages]
        work = _work_of(taken[0])
        began = monotonic()
        try:
            with calling(work.call()):
                outcome = await self._process(lane, messages, work)
                if outcome.poisoned:
                    await self._poison.keep(lane.target[1], outcome.poisoned, work)
        except (PlatformError, AzureError) as error:
            self._park(lane, taken, error)
            return
        lane.failures, lane.used_at = 0, monotonic()
        for item in taken:
            self._intake.settle(item)
        self._measures.done(len(messages), outcome, monotonic() - began)

    async def _process(self, lane: _Lane, messages: list[EnvelopeMessage], work: WorkContext) -> Outcome:
        try:
            processor = await self._opened(lane)
            return await processor.process(messages, work)
        except UnknownTarget as error:
            self._close(lane)
            return Outcome([Poisoned(message, error.detail) for message in messages])

    async def _opened(self, lane: _Lane) -> Processor:
        if lane.processor is None:
            tenant, target = lane.target
            kind, _, name = target.partition(":")
            opener = self._openers.get(kind)
            if opener is None:
                raise UnknownTarget(f"there is no target of the kind '{kind[:40]}'")
            lane.processor = await opener.open(tenant, name, self._partition)
        return lane.processor

    def _park(self, lane: _Lane, taken: list[Held], error: Exception) -> None:
        self._close(lane)
        lane.failures += 1
        delay_s = min(RETRY_MAX_S, RETRY_MIN_S * 2.0 ** (lane.failures - 1))
        lane.parked, lane.retry_at = taken + lane.parked, monotonic() + delay_s
        log.warning("%s on partition %d waits %.1f s: %s", lane.target[1], self._partition, delay_s, error)

    async def _bury(self, taken: Sequence[Held]) -> None:
        """Whole envelopes that can't be read, or that have ended a node again and again."""
        for item in taken:
            reason = item.problem or f"delivered {item.message.dequeue_count} times without being done"
            if item.envelope is None:
                work = WorkContext(tenant="platform", subject="svc-processing")
                poisoned = [of_unreadable(item.message.content, item.message.id, reason)]
            else:
                work = item.envelope.work
                poisoned = [Poisoned(message, reason) for message in item.messages]
            with calling(work.call()):
                await self._poison.keep(item.envelope.target if item.envelope else "unreadable", poisoned, work)
            self._intake.settle(item)
            self._measures.done(item.count, Outcome(poisoned), 0.0)

    async def _tick(self) -> None:
        for lane in list(self._lanes.values()):
            if lane.parked:
                continue
            try:
                if lane.processor is None and lane.failures == 0 and not self._is_idle(lane):
                    await self._opened(lane)
                if lane.processor is not None:
                    await lane.processor.tick()
            except UnknownTarget:
                self._forget(lane)
            except (PlatformError, AzureError) as error:
                self._close(lane)
                log.warning("%s on partition %d: %s", lane.target[1], self._partition, error)
            else:
                if self._is_idle(lane) and not getattr(lane.processor, "is_open", False):
                    self._forget(lane)

    def _is_idle(self, lane: _Lane) -> bool:
        return monotonic() - lane.used_at > IDLE_CLOSE_S

    def _close(self, lane: _Lane) -> None:
        if lane.processor is not None:
            lane.processor.close()
            lane.processor = None

    def _forget(self, lane: _Lane) -> None:
        self._close(lane)
        if not lane.parked:
            self._lanes.pop(lane.target, None)


def _work_of(item: Held) -> WorkContext:
    if item.envelope is None:
        raise ValueError("an envelope that can't be read belongs to nobody")
    return item.envelope.work
