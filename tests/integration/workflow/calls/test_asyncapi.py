"""`call: asyncapi` on the platform's own event topic."""

from typing import Any
from uuid import uuid4

import pytest

from functions.workflow import composition
from functions.workflow.errors import DefinitionNotSupported
from tests.integration.workflow.calls.running import run

PUBLISH = """
do:
  - tell:
      call: asyncapi
      with:
        document: {endpoint: 'platform://events'}
        operation: orders.placed
        message: {payload: {order: '${ .order }'}, headers: {subject: o1}}
"""
SUBSCRIBE = """
do:
  - hear:
      call: asyncapi
      with:
        document: {endpoint: 'platform://events'}
        operation: orders.placed
        subscription:
          filter: '${ .payload.amount > 10 and .headers.subject == $input.subject }'
          consume: {amount: 2}
          foreach:
            item: message
            do: [{pick: {set: {n: '${ $message.payload.amount }', at: '${ $index }'}}}]
"""


async def test_publishing_announces_an_event(house: Any) -> None:
    found = await run(house, PUBLISH, {"order": 7})
    assert found.status == "completed", found.error
    assert {key: found.output[key] for key in ("type", "subject", "data")} == {
        "type": "orders.placed",
        "subject": "o1",
        "data": {"order": 7},
    }


async def test_subscribing_takes_the_messages_that_pass_until_there_are_enough(house: Any) -> None:
    found = await run(house, SUBSCRIBE, {"subject": "o1"})
    assert found.status in ("running", "waiting")
    for amount, subject in ((11, "o1"), (5, "o1"), (12, "other"), (13, "o1"), (14, "o1")):
        event = {"specversion": "1.0", "id": uuid4().hex, "source": "/t", "type": "orders.placed", "subject": subject}
        await composition.intake().accept(house.caller.tenant, [{**event, "data": {"amount": amount}}], house.client)
        await house.idle()
    found = await house.read(found.id)
    assert found.status == "completed", found.error
    assert found.output == [{"n": 11, "at": 0}, {"n": 13, "at": 1}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("platform://events", "https://fake.com/docs/asyncapi.json"), "platform's own event topic"),
        (("operation: orders", "protocol: ws\n        operation: orders"), "one way in"),
        (("amount: 2", "amount: 2, for: {minutes: 1}"), "timeout limits its time"),
    ],
)
async def test_other_brokers_and_ways_are_refused_by_name(house: Any, change: tuple[str, str], reason: str) -> None:
    with pytest.raises(DefinitionNotSupported, match=reason):
        await run(house, SUBSCRIBE.replace(*change))


async def test_no_secret_may_become_an_event(house: Any) -> None:
    with pytest.raises(DefinitionNotSupported, match="secrets"):
        await run(house, "use: {secrets: [k]}" + PUBLISH.replace("${ .order }", "${ $secrets.k }"))
