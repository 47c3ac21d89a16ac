from typing import Any

import pytest

from chassis.context import CallContext, Principal, calling
from chassis.errors import DependencyUnavailable, InvalidInput
from chassis.messaging.envelope import OutgoingMessage
from chassis.messaging.producer import Producer, ProducerOptions
from chassis.work import WorkContext
from functions.processing.messages.schemas import IncomingMessage, SendResult
from functions.processing.messages.sending import Sender, read_lines

CALL = CallContext(Principal(subject="ada", tenant="acme"))


class Kept:
    """A transport that keeps ids, and fails for a key that it is told."""

    def __init__(self, away: str | None = None) -> None:
        self.away = away
        self.ids: list[str] = []

    async def put(self, partition: int, target: str, messages: list[OutgoingMessage], work: WorkContext) -> None:
        if any(message.key == self.away for message in messages):
            raise DependencyUnavailable("the queue is away")
        self.ids += [message.id for message in messages]


async def sent(transport: Kept, items: list[Any], key: str | None = None) -> SendResult:
    async with Producer(transport, ProducerOptions(linger_s=0)) as producer:
        with calling(CALL):
            return await Sender(producer).send("handler:h", items, IncomingMessage, idempotency_key=key)


async def test_what_is_wrong_with_one_message_does_not_stop_the_others() -> None:
    transport = Kept(away="b")
    items = [
        {"id": "1", "data": {}, "key": "a"}, "no object", {"id": "2"}, {"id": "x" * 201, "data": 1},
        {"id": "3", "data": {}, "key": "b"}, {"id": "4", "data": "x" * 1_100_000}, {"id": "5", "data": 1, "more": 2},
    ]  # fmt: skip
    result = await sent(transport, items)
    assert transport.ids == ["1"]
    assert result.accepted == 1
    assert [(item.index, item.retryable) for item in result.rejected] == [
        (1, False), (2, False), (3, False), (4, True), (5, False), (6, False),
    ]  # fmt: skip
    assert result.rejected[1].reason == "data: Field required"


async def test_a_repeated_request_with_its_key_gives_the_same_ids() -> None:
    first, second, other = Kept(), Kept(), Kept()
    items = [{"data": 1}, {"data": 1}]
    await sent(first, items, "key 1")
    await sent(second, items, "key 1")
    await sent(other, items, "key 2")
    assert sorted(first.ids) == sorted(second.ids)
    assert len({*first.ids, *other.ids}) == 4


def test_lines_that_are_no_json_stand_for_themselves() -> None:
    assert read_lines(b'{"a":1}\n\n  \nnonsense\r\n[2]\n') == [{"a": 1}, "not JSON", [2]]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"1\n" * 10_001])
def test_none_and_too_many_lines_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_lines(body)
