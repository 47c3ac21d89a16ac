"""Workflows that wait for events and undo what they made, while their process is killed with SIGKILL."""

import asyncio
from typing import Any

import orjson
import pytest

from local.demo.api import Api
from local.demo.errors import DemoError, Refused
from local.platform import Platform
from tests.e2e.audited import by_time

pytestmark = pytest.mark.asyncio(loop_scope="session")

COUNTING = """
document: {dsl: '1.0.3', namespace: e2e, name: counting, version: '1.0.0'}
do:
  - hear:
      listen:
        to:
          any: [{with: {type: e2e.counted}, correlate: {run: {from: .data.run, expect: '${ .run }'}}}]
          until: '. | length >= 30'
      foreach: {item: event, do: [{keep: {set: {n: '${ $event.n }'}}}]}
"""

UNDOING = """
document: {dsl: '1.0.3', namespace: e2e, name: undoing, version: '1.0.0'}
do:
  - each:
      for: {each: n, in: '[range(5)]'}
      do:
        - make:
            set: {n: '${ $n }'}
            metadata:
              compensation:
                do:
                  - pause: {wait: {milliseconds: 700}}
                  - tell:
                      emit: {event: {with: {source: 'https://e2e.org', type: e2e.undone, data: '${ $input.output }'}}}
  - fail: {raise: {error: {type: 'https://e2e.example/errors/no', status: 500, title: No}}}
"""
"""Each round's task is undone by an event; the pauses make the undoing last long enough to be killed in."""


async def put(api: Api, text: str) -> None:
    await api.raw("PUT", "/workflow/definitions", content=text.encode(), content_type="application/yaml")


async def start(api: Api, name: str, given: Any = None) -> str:
    body = {"namespace": "e2e", "name": name, "input": given}
    return str((await api.call("POST", "/workflow/instances", body))["id"])


async def until_seen(api: Api, instance_id: str, *statuses: str) -> dict[str, Any]:
    """The instance, once it has one of the statuses."""
    async with asyncio.timeout(60):
        while True:
            try:
                found: dict[str, Any] = await api.call("GET", f"/workflow/instances/{instance_id}")
                if found["status"] in statuses:
                    return found
            except DemoError:
                pass  # its process was killed this moment
            await asyncio.sleep(0.1)


async def send(api: Api, event: dict[str, Any]) -> None:
    """Send an event until it is taken; a client that got no answer sends the same one again."""
    content = orjson.dumps(event)
    async with asyncio.timeout(60):
        while True:
            try:
                await api.raw("POST", "/workflow/events", content=content, content_type="application/cloudevents+json")
                return
            except DemoError:
                await asyncio.sleep(0.2)


def counted(run: str, n: int) -> dict[str, Any]:
    data = {"run": run, "n": n}
    return {"specversion": "1.0", "id": f"{run}-{n}", "source": "/e2e", "type": "e2e.counted", "data": data}


async def test_no_event_is_lost_or_handled_twice_when_the_process_is_killed(api: Api, platform: Platform) -> None:
    await put(api, COUNTING)
    run = api.trace_id
    instance_id = await start(api, "counting", {"run": run})
    await until_seen(api, instance_id, "waiting")
    for n in range(30):
        killed = asyncio.create_task(platform.kill("workflow")) if n in (8, 20) else None
        await send(api, counted(run, n))
        if killed is not None:
            await killed
            await send(api, counted(run, n))
    found = await until_seen(api, instance_id, "completed", "faulted")
    assert found["output"] == [{"n": n} for n in range(30)]


async def test_undoing_goes_on_where_it_was_when_the_process_is_killed(api: Api, platform: Platform) -> None:
    await put(api, UNDOING)
    instance_id = await start(api, "undoing")
    for _ in range(2):
        await asyncio.sleep(1.0)
        await platform.kill("workflow")
        await platform.until_ready("workflow")
    found = await until_seen(api, instance_id, "faulted", "completed")
    assert found["error"]["title"] == "No"
    assert [item["status"] for item in found["compensation"]] == ["compensated"] * 5
    assert await undone(api, instance_id) == [4, 3, 2, 1, 0]


async def undone(api: Api, instance_id: str) -> list[int]:
    """What was announced as undone, in its order, from the audit trail, which has everything that was announced.

    Of a process that was killed before it could announce something, a relay does so later.
    """
    async with asyncio.timeout(90):
        while True:
            page = await api.call("GET", f"/audit/events?correlationId={instance_id}&limit=500")
            found = by_time(page["items"])
            undone = [event["data"]["n"] for event in found if event["type"] == "e2e.undone"]
            if len(undone) >= 5 and "io.serverlessworkflow.workflow.faulted.v1" in [event["type"] for event in found]:
                return undone
            await asyncio.sleep(0.2)


async def test_events_come_in_batches_and_as_plain_requests_and_bad_ones_change_nothing(api: Api) -> None:
    await put(api, COUNTING)
    run = f"{api.trace_id}-batch"
    instance_id = await start(api, "counting", {"run": run})
    batch = orjson.dumps([counted(run, n) for n in range(30)])
    bad = orjson.dumps([counted(run, 0), {"specversion": "1.0"}])
    with pytest.raises(Refused) as refused:
        await api.raw("POST", "/workflow/events", content=bad, content_type="application/cloudevents-batch+json")
    assert refused.value.status == 400
    with pytest.raises(Refused) as unknown:
        await api.raw("POST", "/workflow/events", content=b"x", content_type="text/plain")
    assert unknown.value.status == 415
    for _ in range(2):
        await api.raw("POST", "/workflow/events", content=batch, content_type="application/cloudevents-batch+json")
    found = await until_seen(api, instance_id, "completed", "faulted")
    assert found["output"] == [{"n": n} for n in range(30)]


CHILD = """
document: {dsl: '1.0.3', namespace: e2e, name: child, version: '1.0.0'}
do: [{hear: {listen: {to: {one: {with: {type: e2e.go, subject: '${ .run }'}}}}}}]
"""
PARENT = """
document: {dsl: '1.0.3', namespace: e2e, name: parent, version: '1.0.0'}
do: [{kid: {run: {workflow: {namespace: e2e, name: child, version: latest, input: {run: '${ .run }'}}}}}]
"""
STARTED = """
document: {dsl: '1.0.3', namespace: e2e, name: started, version: '1.0.0'}
schedule: {on: {one: {with: {type: e2e.start}}}}
do: [{tell: {emit: {event: {with: {source: 'https://e2e.org', type: e2e.go, subject: '${ .[0].data }', data: 7}}}}}]
"""


async def test_a_schedule_starts_a_workflow_whose_event_ends_a_child_and_its_parent(api: Api) -> None:
    for text in (CHILD, PARENT, STARTED):
        await put(api, text)
    run = f"{api.trace_id}-kid"
    parent = await start(api, "parent", {"run": run})
    await until_seen(api, parent, "waiting")
    await send(api, {"specversion": "1.0", "id": run, "source": "/e2e", "type": "e2e.start", "data": run})
    found = await until_seen(api, parent, "completed", "faulted")
    assert found["output"] == [7]
