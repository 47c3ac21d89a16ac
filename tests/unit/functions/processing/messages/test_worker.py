"""One partition's work, with an intake and processors that the tests hold in their hands."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from chassis.errors import DependencyUnavailable
from chassis.messaging.envelope import Envelope, EnvelopeMessage
from chassis.messaging.receiver import ReceivedMessage
from chassis.work import WorkContext
from functions.processing.messages.intake import Held, Intake
from functions.processing.messages.measures import Measures
from functions.processing.messages.poison import PoisonStore
from functions.processing.messages.processors import Outcome, Poisoned
from functions.processing.messages.worker import MAX_DELIVERIES, PartitionWorker

WORK = WorkContext(tenant="acme", subject="ada")


class FakeIntake:
    """Gives what it has, once; keeps what is settled."""

    held = 0

    def __init__(self, *items: Held) -> None:
        self.items = list(items)
        self.left = len(items)
        self.settled: list[Held] = []
        self.all_settled = asyncio.Event()

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def take(self, most: int, wait_s: float) -> list[Held]:
        await asyncio.sleep(0)
        taken, self.items = self.items, []
        return taken

    def settle(self, item: Held) -> None:
        self.settled.append(item)
        if len(self.settled) == self.left:
            self.all_settled.set()


class FakePoison:
    def __init__(self) -> None:
        self.kept: list[tuple[str, str, str]] = []

    async def keep(self, target: str, poisoned: Sequence[Poisoned], work: WorkContext) -> None:
        self.kept += [(target, item.message.id, item.reason) for item in poisoned]


class FakeTarget:
    """A processor and its opener: fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.done: list[str] = []
        self.opened = 0

    async def open(self, tenant: str, name: str, partition: int) -> "FakeTarget":
        self.opened += 1
        return self

    async def process(self, messages: Sequence[EnvelopeMessage], work: WorkContext) -> Outcome:
        if self.failures:
            self.failures -= 1
            raise DependencyUnavailable("the sink is away")
        self.done += [message.id for message in messages]
        return Outcome()

    async def tick(self) -> None: ...

    def close(self) -> None: ...


class Nothing:
    def done(self, *_: object) -> None: ...


def held(target: str, *ids: str, deliveries: int = 1) -> Held:
    message = cast(ReceivedMessage, type("M", (), {"id": "q", "content": "raw", "dequeue_count": deliveries})())
    messages = tuple(EnvelopeMessage(id, "", {}) for id in ids)
    return Held(message, Envelope("e", target, len(ids), WORK, messages), messages)


async def worked(intake: FakeIntake, targets: dict[str, Any], poison: FakePoison) -> None:
    worker = PartitionWorker(0, cast(Intake, intake), targets, cast(PoisonStore, poison), cast(Measures, Nothing()))
    worker.start()
    async with asyncio.timeout(10):
        await intake.all_settled.wait()
    await worker.stop()


async def test_a_target_that_fails_waits_and_keeps_its_order_while_others_go_on() -> None:
    away, well = FakeTarget(failures=2), FakeTarget()
    items = [held("a:x", "1", "2"), held("b:y", "3"), held("a:x", "4")]
    intake, poison = FakeIntake(*items), FakePoison()
    await worked(intake, {"a": away, "b": well}, poison)
    assert (away.done, well.done) == (["1", "2", "4"], ["3"])
    assert intake.settled[0] is items[1]
    assert away.opened == 3  # a processor is never used again after an error
    assert poison.kept == []


async def test_an_envelope_that_has_ended_its_node_again_and_again_is_poison_whole() -> None:
    target, poison = FakeTarget(), FakePoison()
    intake = FakeIntake(
        held("a:x", "1", "2", deliveries=MAX_DELIVERIES + 1), held("a:x", "3", deliveries=MAX_DELIVERIES)
    )
    await worked(intake, {"a": target}, poison)
    assert target.done == ["3"]
    assert [(id, reason) for _, id, reason in poison.kept] == [
        ("1", "delivered 11 times without being done"),
        ("2", "delivered 11 times without being done"),
    ]


async def test_a_target_of_no_known_kind_is_poison() -> None:
    poison = FakePoison()
    await worked(FakeIntake(held("z:x", "1")), {}, poison)
    assert poison.kept == [("z:x", "1", "there is no target of the kind 'z'")]
