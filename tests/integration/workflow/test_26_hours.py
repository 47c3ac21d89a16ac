"""A loop that goes on for 26 hours of the engine's clock, over three restarts, with a history that stays short."""

from typing import Any

import pytest

from durable.workflow.interpretation import run as limits
from functions.workflow import composition
from functions.workflow.schemas import StartRequest

ROUNDS = 52
DEFINITION = f"""
document: {{dsl: '1.0.3', namespace: test, name: long, version: '1.0.0'}}
do:
  - day:
      timeout: {{after: PT27H}}
      do:
        - each:
            for: {{each: n, in: '[range({ROUNDS})]'}}
            do:
              - pause: {{wait: PT30M}}
              - count: {{set: {{rounds: '${{ (.rounds // 0) + 1 }}', at: '${{ now | todate }}'}}}}
""".encode()


async def test_26_hours_over_three_restarts_cost_no_more_history_than_a_few(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EFFECTS_EACH", 20)
    await composition.definitions().put(house.caller.tenant, DEFINITION)
    request = StartRequest(namespace="test", name="long")
    head = await composition.instances().start(house.caller, request, None, house.client)
    await house.idle()
    rounds = longest = 0
    while house.clock.go_to_next():
        await house.idle()
        rounds += 1
        longest = max(longest, len(await house.engine.client.history(head.id)))
        if rounds in (5, 25, 45):
            await house.restart()
    found = await house.read(head.id)
    assert found.status == "completed", found.error
    assert found.output == {"rounds": ROUNDS, "at": "2026-01-02T02:00:00Z"}
    assert len(found.tasks) == 2 + 2 * ROUNDS
    assert 0 < longest < 160
    assert rounds <= ROUNDS + 1  # an alarm for each wait, and the time limit's: between them nothing ran


async def test_an_instance_that_listens_sets_no_alarm(house: Any) -> None:
    head = b"document: {dsl: '1.0.3', namespace: test, name: hears, version: '1.0.0'}\n"
    body = b"do: [{hear: {listen: {to: {one: {with: {type: x}}}}}}]"
    await composition.definitions().put(house.caller.tenant, head + body)
    started = await composition.instances().start(
        house.caller, StartRequest(namespace="test", name="hears"), None, house.client
    )
    await house.idle()
    assert (await house.read(started.id)).status == "waiting"
    assert not house.clock.go_to_next()
