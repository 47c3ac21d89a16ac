"""Finding definitions and instances; deprecated versions; instances that are tried again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.errors import RemoteError
from functions.workflow import composition
from functions.workflow.errors import (
    BadPageToken,
    DefinitionNotFound,
    InstanceBrokenOff,
    InstanceNotFailed,
    InstanceUndone,
)
from functions.workflow.paging import DefinitionFilter, InstanceFilter
from functions.workflow.recovery import Patrol
from functions.workflow.schemas import DefinitionId, StartRequest


def text(name: str, body: str, version: str = "1.0.0") -> bytes:
    return f"document: {{dsl: '1.0.3', namespace: test, name: {name}, version: '{version}'}}\n{body}".encode()


async def start(house: Any, name: str, **members: Any) -> str:
    request = StartRequest(namespace="test", name=name, **members)
    head = await composition.instances().start(house.caller, request, None, house.client)
    await house.idle()
    return str(head.id)


async def put(house: Any, name: str, body: str, version: str = "1.0.0") -> None:
    await composition.definitions().put(house.caller.tenant, text(name, body, version))


async def ids(house: Any, limit: int = 100, **wanted: Any) -> list[str]:
    found: list[str] = []
    token = None
    while True:
        page = await composition.instances().page(house.caller.tenant, InstanceFilter(**wanted), token, limit)
        found += [head.id for head in page.items]
        if (token := page.next) is None:
            return found


async def test_instances_are_found_by_each_filter_page_by_page(house: Any) -> None:
    await put(house, "fast", "do: [{s: {set: {n: 1}}}]")
    await put(house, "slow", "do: [{w: {wait: PT1H}}]")
    fast = sorted([await start(house, "fast") for _ in range(5)])
    slow = sorted([await start(house, "slow") for _ in range(3)])
    assert await ids(house, limit=2) == sorted(fast + slow)
    assert await ids(house, limit=2, status="completed") == fast
    assert await ids(house, name="slow", namespace="test", version="1.0.0") == slow
    assert await ids(house, status="completed", name="slow") == []
    now = datetime.now(UTC)
    assert await ids(house, created_after=now + timedelta(minutes=1)) == []
    assert await ids(house, created_before=now + timedelta(minutes=1), name="fast") == fast
    await composition.instances().suspend(house.caller.tenant, slow[1], house.client)
    assert await ids(house, status="suspended", limit=1) == [slow[1]]
    assert await ids(house, status="suspended", name="fast") == []


async def test_a_page_token_that_no_page_gave_is_refused(house: Any) -> None:
    with pytest.raises(BadPageToken):
        await composition.instances().page(house.caller.tenant, InstanceFilter(), "nonsense!", 10)


async def test_definitions_are_found_by_name_and_by_being_deprecated(house: Any) -> None:
    for version in ("1.0.0", "2.0.0"):
        await put(house, "a", "do: []", version)
    await put(house, "b", "do: []")
    id = DefinitionId(namespace="test", name="a", version="2.0.0")
    definitions, tenant = composition.definitions(), house.caller.tenant
    head = await definitions.deprecate(tenant, id, deprecated=True)
    assert head.deprecated_at is not None

    async def versions(**wanted: Any) -> list[tuple[str, str]]:
        page = await definitions.page(tenant, DefinitionFilter(**wanted), None, 10)
        return [(item.name, item.version) for item in page.items]

    assert await versions() == [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")]
    assert await versions(namespace="test", name="a") == [("a", "1.0.0"), ("a", "2.0.0")]
    assert await versions(deprecated=True) == [("a", "2.0.0")]
    assert await versions(deprecated=False, namespace="test") == [("a", "1.0.0"), ("b", "1.0.0")]


async def test_a_deprecated_version_runs_only_when_it_is_named(house: Any) -> None:
    for version in ("1.0.0", "2.0.0"):
        await put(house, "a", f"do: [{{s: {{set: {{v: '{version}'}}}}}}]", version)
    definitions, tenant = composition.definitions(), house.caller.tenant
    id = DefinitionId(namespace="test", name="a", version="2.0.0")
    await definitions.deprecate(tenant, id, deprecated=True)
    assert (await house.read(await start(house, "a"))).output == {"v": "1.0.0"}
    assert (await house.read(await start(house, "a", version="2.0.0"))).output == {"v": "2.0.0"}
    await definitions.deprecate(tenant, DefinitionId(namespace="test", name="a", version="1.0.0"), deprecated=True)
    with pytest.raises(DefinitionNotFound, match="deprecated"):
        await start(house, "a")
    await definitions.deprecate(tenant, id, deprecated=False)
    assert (await house.read(await start(house, "a"))).output == {"v": "2.0.0"}


FAILING = """
do:
  - prepare: {set: {id: job-1}, export: {as: {kept: true}}}
  - each:
      for: {each: n, in: '[1, 2, 3]'}
      do:
        - note: {set: {id: job-1, round: '${ $n }'}}
        - discard: {call: processing.discardJob, with: {id: '${ "job-\\($n)" }'}, output: {as: $input}}
  - end: {set: {rounds: '${ .round }', kept: '${ $context.kept }'}}
"""
REFUSED = RemoteError("processing", 409, {"title": "Busy", "detail": "later"})


async def test_a_faulted_instance_goes_on_from_the_task_that_failed(house: Any) -> None:
    await put(house, "failing", FAILING)
    house.services.refuse["/processing/jobs/job-2"] = REFUSED
    instance_id = await start(house, "failing")
    failed = await house.read(instance_id)
    assert (failed.status, failed.error.instance) == ("faulted", "/do/1/each/do/1/discard")
    house.services.refuse.clear()
    head = await composition.instances().retry(house.caller.tenant, instance_id, house.client)
    assert head.status == "pending"
    await house.idle()
    found = await house.read(instance_id)
    assert found.status == "completed", found.error
    assert found.output == {"rounds": 3, "kept": True}
    assert found.error is None
    deleted = [path for method, path, _ in house.services.asked if method == "DELETE"]
    assert deleted == [f"/processing/jobs/job-{n}" for n in (1, 2, 2, 3)]
    assert [task.state for task in found.tasks if task.name in ("prepare", "each")] == ["completed"] * 2
    with pytest.raises(InstanceNotFailed):
        await composition.instances().retry(house.caller.tenant, instance_id, house.client)


async def test_a_retry_that_was_cut_off_by_a_crash_is_finished(house: Any) -> None:
    await put(house, "failing", FAILING)
    house.services.refuse["/processing/jobs/job-1"] = REFUSED
    instance_id = await start(house, "failing")
    house.services.refuse.clear()
    started = house.client.start_new

    async def crash(*_: Any) -> str:
        raise RuntimeError("killed")

    house.client.start_new = crash
    with pytest.raises(RuntimeError):
        await composition.instances().retry(house.caller.tenant, instance_id, house.client)
    house.client.start_new = started
    patrol = Patrol()
    for _ in range(3):
        assert (
            await patrol._look_at(composition.instance_store(), house.client, house.caller.tenant, instance_id) is False
        )
    await composition.instances()._finish_start(house.caller.tenant, instance_id, house.client)
    await house.idle()
    assert (await house.read(instance_id)).status == "completed"


async def test_what_was_undone_or_failed_at_no_task_can_not_be_tried_again(house: Any) -> None:
    undo = "metadata: {compensation: {do: [{u: {set: {n: 1}}}]}}"
    fail = "fail: {raise: {error: {type: 'https://e.example/x', status: 400}}}"
    await put(house, "undone", f"do: [{{s: {{set: {{n: 1}}, {undo}}}}}, {{{fail}}}]")
    await put(house, "output", "do: [{s: {set: {n: 1}}}]\noutput: {as: .n.x}")
    with pytest.raises(InstanceUndone):
        await composition.instances().retry(house.caller.tenant, await start(house, "undone"), house.client)
    with pytest.raises(InstanceBrokenOff):
        await composition.instances().retry(house.caller.tenant, await start(house, "output"), house.client)


async def test_large_input_and_output_lie_in_blobs_and_are_read_as_they_were(house: Any) -> None:
    body = "do: [{s: {set: {text: '${ .text + .text }', had: '${ $workflow.input.text | length }'}}}]"
    await put(house, "large", body)
    given = {"text": "ä" * 100_000}
    found = await house.read(await start(house, "large", input=given))
    assert found.status == "completed", found.error
    assert found.input == given
    assert found.output == {"text": "ä" * 200_000, "had": 100_000}
    assert found.tasks[0].output == {"$omitted": {"bytes": 400_024}}
    row = await composition.instance_store().get(house.caller.tenant, found.id)
    assert row["input"].startswith("claim:")
    assert row["output"].startswith("claim:")
