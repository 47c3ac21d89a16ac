import asyncio
from typing import Any

import pytest

from chassis.errors import DependencyUnavailable, InvalidInput, PayloadTooLarge
from chassis.messaging.envelope import OutgoingMessage
from chassis.messaging.partitions import PARTITIONS, partition_of
from chassis.messaging.producer import Producer, ProducerClosed, ProducerOptions, delivered
from chassis.work import WorkContext

WORK = WorkContext(tenant="acme", subject="ada")
LONG_S = 60.0


class Recorded:
    """A transport that keeps what it is given; it waits while `closed`, and fails when told so."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[int, str, list[str]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failures: list[Exception] = []

    async def put(self, partition: int, target: str, messages: list[OutgoingMessage], work: WorkContext) -> None:
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.envelopes.append((partition, target, [message.id for message in messages]))


def a_producer(transport: Recorded, **options: Any) -> Producer:
    return Producer(transport, ProducerOptions(**{"linger_s": LONG_S, **options}))


async def test_a_batch_is_sent_when_it_has_enough_messages() -> None:
    transport = Recorded()
    producer = a_producer(transport, max_messages=3)
    sent = [await producer.send("t", number, id=str(number), work=WORK) for number in range(7)]
    await asyncio.gather(*sent[:6])
    assert [ids for _, _, ids in transport.envelopes] == [["0", "1", "2"], ["3", "4", "5"]]
    assert not sent[6].done()  # type: ignore[attr-defined]
    await producer.close()
    assert transport.envelopes[-1][2] == ["6"]


async def test_a_batch_is_sent_before_it_has_too_many_bytes() -> None:
    transport = Recorded()
    async with a_producer(transport, max_bytes=200) as producer:
        for number in range(4):
            await producer.send("t", "x" * 50, id=str(number), work=WORK)
    assert [ids for _, _, ids in transport.envelopes] == [["0", "1"], ["2", "3"]]


async def test_a_batch_does_not_linger_longer_than_told() -> None:
    transport = Recorded()
    producer = a_producer(transport, linger_s=0)
    await (await producer.send("t", 1, id="1", work=WORK))
    assert [ids for _, _, ids in transport.envelopes] == [["1"]]
    await producer.close()


async def test_messages_of_a_key_go_to_its_partition_in_order() -> None:
    transport = Recorded()
    async with a_producer(transport, max_messages=2) as producer:
        for number in range(40):
            await producer.send("t", number, key=f"key {number % 4}", id=str(number), work=WORK)
    for key in range(4):
        partition = partition_of("acme", "t", f"key {key}")
        ids = [id for found, _, ids in transport.envelopes if found == partition for id in ids]
        assert [id for id in ids if int(id) % 4 == key] == [str(number) for number in range(key, 40, 4)]


async def test_tenants_and_targets_never_share_an_envelope() -> None:
    transport = Recorded()
    async with a_producer(transport) as producer:
        for tenant in ("acme", "other"):
            for target in ("t", "u"):
                work = WorkContext(tenant=tenant, subject="ada")
                await producer.send(target, 1, id=f"{tenant}-{target}", work=work)
    assert sorted(ids for _, _, ids in transport.envelopes) == [["acme-t"], ["acme-u"], ["other-t"], ["other-u"]]


async def test_send_waits_while_too_much_is_pending() -> None:
    transport = Recorded()
    transport.open.clear()
    producer = a_producer(transport, max_bytes=200, max_pending_bytes=200, linger_s=0)
    first = [await producer.send("t", "x" * 50, id=str(number), work=WORK) for number in range(2)]
    waiting = asyncio.create_task(producer.send("t", "x" * 50, id="2", work=WORK))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    transport.open.set()
    await asyncio.gather(*first, await waiting)
    await producer.close()
    assert sum(len(ids) for _, _, ids in transport.envelopes) == 3


async def test_the_messages_of_a_batch_that_failed_fail_and_others_do_not() -> None:
    transport = Recorded()
    transport.failures = [DependencyUnavailable("the queue is away")]
    producer = a_producer(transport, max_messages=2)
    sent = [await producer.send("t", number, id=str(number), work=WORK) for number in range(4)]
    outcomes = await delivered(sent)
    assert [type(outcome) for outcome in outcomes] == [DependencyUnavailable] * 2 + [type(None)] * 2
    again = [await producer.send("t", number, id=str(number), work=WORK) for number in range(2)]
    assert await delivered(again) == [None, None]
    await producer.close()


async def test_flush_sends_what_lingers() -> None:
    transport = Recorded()
    producer = a_producer(transport)
    sent = await producer.send("t", 1, work=WORK)
    await producer.flush()
    await sent
    assert len(transport.envelopes) == 1
    await producer.close()


async def test_a_closed_producer_takes_nothing() -> None:
    producer = a_producer(Recorded())
    await producer.close()
    with pytest.raises(ProducerClosed):
        await producer.send("t", 1, work=WORK)


@pytest.mark.parametrize(("id", "data", "error"), [
    ("x" * 201, 1, InvalidInput),
    ("1", {1, 2}, InvalidInput),
    ("1", "x" * 1000, PayloadTooLarge),
])  # fmt: skip
async def test_a_message_that_can_never_be_sent_is_refused_at_once(id: str, data: Any, error: type) -> None:
    async with a_producer(Recorded(), max_bytes=1000) as producer:
        with pytest.raises(error):
            await producer.send("t", data, id=id, work=WORK)


def test_keys_spread_over_all_partitions() -> None:
    counts = [0] * PARTITIONS
    for number in range(8000):
        counts[partition_of("acme", "stream:orders", f"key {number}")] += 1
    assert min(counts) > 800
