"""Definitions and instances from the API's side down to Azurite and the durable engine."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.errors import DependencyUnavailable
from chassis.http.idempotency import KeyReused
from functions.workflow import composition, recovery, service
from functions.workflow.errors import (
    DefinitionChanged,
    DefinitionInvalid,
    DefinitionNotFound,
    DefinitionNotSupported,
    InputInvalid,
    InputTooLarge,
    InstanceEnded,
    InstanceNotFound,
)
from functions.workflow.paging import InstanceFilter
from functions.workflow.recovery import Patrol
from functions.workflow.schemas import DefinitionId, StartRequest

DEMO = (Path(__file__).resolve().parents[3] / "examples" / "flight-delays" / "workflow.yaml").read_bytes()
INPUT = {
    "dataset": "d1",
    "query": "SELECT 1",
    "referenceData": ["airlines"],
    "recipients": {"userId": "demo", "email": ["a@example.com"], "webhook": "w1"},
}
DEMO_REQUEST = StartRequest(namespace="examples", name="flight-delays", input=INPUT)


def small(body: str, version: str = "1.0.0") -> bytes:
    return f"document: {{dsl: '1.0.3', namespace: test, name: small, version: '{version}'}}\n{body}".encode()


async def start(house: Any, request: StartRequest = DEMO_REQUEST, key: str | None = None) -> str:
    head = await composition.instances().start(house.caller, request, key, house.client)
    await house.idle()
    return head.id


async def finish_step(house: Any, instance_id: str, **members: Any) -> None:
    [path] = house.services.running()
    assert await house.announce(instance_id, house.services.finish(path, **members))


async def test_the_demo_runs_to_its_end_over_a_restart(house: Any) -> None:
    id, is_new = await composition.definitions().put(house.caller.tenant, DEMO)
    assert (id.name, is_new) == ("flight-delays", True)
    told = await house.runtime.queues.depth("notification-commands")
    instance_id = await start(house)
    assert (await house.read(instance_id)).status == "running"
    await finish_step(house, instance_id, result={"rows": 336776, "valid": 336776, "invalid": 0})
    await house.restart()
    await finish_step(house, instance_id, result={"rows": 3})
    await finish_step(house, instance_id, pages=2, files=[{"format": "pdf", "href": "/x"}])
    found = await house.read(instance_id)
    assert found.status == "completed", found.error
    assert found.output["pages"] == 2
    assert [task.state for task in found.tasks] == ["completed"] * 8
    assert [task.name for task in found.tasks][::2] == ["validate", "process", "report", "notify"]
    assert await house.runtime.queues.depth("notification-commands") == told + 1
    posted = [json for method, _, json in house.services.asked if method == "POST"]
    assert posted[0] == {"dataset": "d1", "schema": {"name": "flight", "version": "latest"}, "maxInvalid": 0}
    assert posted[1]["validation"] in house.services.keys.values()
    assert posted[2]["subtitle"] == "336,776 flights"
    assert posted[2]["chart"]["type"] == "heatmap"


async def test_work_whose_event_never_comes_is_found_by_polling(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, DEMO)
    instance_id = await start(house)
    [path] = house.services.running()
    house.services.finish(path, result={"rows": 1})
    assert house.clock.go_to_next()
    await house.idle()
    assert [task.name for task in (await house.read(instance_id)).tasks][2:3] == ["process"]


async def test_failed_validation_names_its_rows_and_undoes_nothing(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, DEMO)
    instance_id = await start(house)
    [path] = house.services.running()
    rows = [{"row": 1000, "field": "/dep_delay", "reason": "not a number"}]
    house.services.made[path] |= {
        "status": "failed",
        "error": {"type": "urn:problem:x", "title": "Invalid records", "detail": "1 of 10", "invalidRows": rows},
    }
    await house.announce(instance_id, house.services.made[path]["id"])
    found = await house.read(instance_id)
    assert found.status == "faulted"
    assert found.error.problem["invalidRows"] == rows
    assert found.error.instance == "/do/0/validate/try/0/validateRecords"
    assert found.compensation == []


async def test_a_later_fault_undoes_what_was_made_last_first(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, DEMO)
    instance_id = await start(house)
    await finish_step(house, instance_id, result={"rows": 1})
    house.services.refuse["/reporting/reports"] = DependencyUnavailable("away")
    await finish_step(house, instance_id, result={"rows": 1})
    while house.clock.go_to_next():
        await house.idle()
    found = await house.read(instance_id)
    assert found.status == "faulted"
    assert [(u.reference, u.status) for u in found.compensation] == [
        ("/do/1/process", "compensated"),
        ("/do/0/validate", "compensated"),
    ]
    assert house.services.made == {}
    tried = [path for method, path, _ in house.services.asked if path == "/reporting/reports"]
    assert len(tried) == 7


async def test_cancelling_ends_a_waiting_instance_and_undoes_it(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, DEMO)
    instance_id = await start(house)
    await finish_step(house, instance_id, result={"rows": 1})
    await composition.instances().cancel(house.caller.tenant, instance_id, house.client)
    await house.idle()
    found = await house.read(instance_id)
    assert found.status == "cancelled"
    assert [u.reference for u in found.compensation] == ["/do/0/validate"]
    with pytest.raises(InstanceEnded):
        await composition.instances().cancel(house.caller.tenant, instance_id, house.client)


async def test_a_suspended_instance_goes_on_when_resumed(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, small("do: [{w: {wait: PT1H}}, {s: {set: {n: 1}}}]"))
    instance_id = await start(house, StartRequest(namespace="test", name="small"))
    assert (await house.read(instance_id)).status == "waiting"
    instances = composition.instances()
    assert (await instances.suspend(house.caller.tenant, instance_id, house.client)).status == "suspended"
    await house.idle()
    house.clock.go_to_next()
    await house.idle()
    assert (await house.read(instance_id)).status == "suspended"
    await instances.resume(house.caller.tenant, instance_id, house.client)
    await house.idle()
    found = await house.read(instance_id)
    assert (found.status, found.output) == ("completed", {"n": 1})


async def test_the_same_key_starts_one_instance(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, small("do: [{w: {wait: PT1H}}]"))
    request = StartRequest(namespace="test", name="small", input={"a": 1})
    first, second = await start(house, request, "k"), await start(house, request, "k")
    assert first == second
    assert house.client.started == [first]
    with pytest.raises(KeyReused):
        await start(house, request.model_copy(update={"input": {"a": 2}}), "k")


async def test_what_a_crash_kept_from_starting_is_started_later(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await composition.definitions().put(house.caller.tenant, small("do: [{s: {set: {n: '${ .a }'}}}]"))
    request = StartRequest(namespace="test", name="small", input={"a": 1})

    async def crash(*_: Any) -> str:
        raise ConnectionError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(house.client, "start_new", crash)
        with pytest.raises(ConnectionError):
            await start(house, request, "k")
    monkeypatch.setattr(service, "START_GRACE", timedelta(seconds=-5))
    assert await composition.instances().recover(house.client) >= 1
    await house.idle()
    [head] = (await composition.instances().page(house.caller.tenant, InstanceFilter(), None, 10)).items
    assert (await house.read(head.id)).output == {"n": 1}
    assert await composition.instances().recover(house.client) == 0


async def test_a_definition_is_put_once_and_stays_what_it_was(house: Any) -> None:
    definitions, tenant = composition.definitions(), house.caller.tenant
    text = small("do: [{s: {set: {n: 1}}}]")
    assert [(await definitions.put(tenant, text))[1] for _ in range(2)] == [True, False]
    with pytest.raises(DefinitionChanged):
        await definitions.put(tenant, small("do: [{s: {set: {n: 2}}}]"))
    id = DefinitionId(namespace="test", name="small", version="1.0.0")
    assert (await definitions.read(tenant, id)).document["do"] == [{"s": {"set": {"n": 1}}}]
    with pytest.raises(DefinitionNotFound):
        await definitions.read("another-tenant", id)


async def test_without_a_version_the_highest_runs(house: Any) -> None:
    for version in ("1.9.0", "1.10.0", "1.10.0-rc.1"):
        await composition.definitions().put(house.caller.tenant, small("do: [{s: {set: {n: 1}}}]", version))
    instance_id = await start(house, StartRequest(namespace="test", name="small"))
    assert (await house.read(instance_id)).version == "1.10.0"


async def test_a_long_definition_lies_in_a_blob_and_runs(house: Any) -> None:
    text = small(f"do: [{{s: {{set: {{n: 1, text: '{'x' * 500}'}}}}}}]\n# ").decode()
    tasks = ", ".join(f"{{s{n}: {{set: {{n: {n}, text: '{'x' * 400}'}}}}}}" for n in range(100))
    long = text.split("do:")[0] + f"do: [{tasks}]"
    assert len(long) > 40_000
    await composition.definitions().put(house.caller.tenant, long.encode())
    instance_id = await start(house, StartRequest(namespace="test", name="small"))
    assert (await house.read(instance_id)).output["n"] == 99


async def test_what_is_refused_is_named_with_its_place(house: Any) -> None:
    tenant = house.caller.tenant
    with pytest.raises(DefinitionNotSupported, match=r"call a2a .* at /do/0/x"):
        await composition.definitions().put(tenant, small("do: [{x: {call: a2a, with: {method: message/send}}}]"))
    with pytest.raises(DefinitionInvalid, match="/do/0/x/with"):
        await composition.definitions().put(tenant, small("do: [{x: {call: processing.run, with: {nope: 1}}}]"))
    with pytest.raises(DefinitionNotFound):
        await start(house)


async def test_an_input_that_does_not_fit_starts_nothing(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, DEMO)
    with pytest.raises(InputInvalid):
        await start(house, DEMO_REQUEST.model_copy(update={"input": {"dataset": 1}}))
    with pytest.raises(InputTooLarge):
        await start(house, DEMO_REQUEST.model_copy(update={"input": {**INPUT, "title": "x" * 1_000_001}}))
    assert (await composition.instances().page(house.caller.tenant, InstanceFilter(), None, 10)).items == []


async def test_another_tenant_sees_no_instance(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, small("do: [{w: {wait: PT1H}}]"))
    instance_id = await start(house, StartRequest(namespace="test", name="small"))
    with pytest.raises(InstanceNotFound):
        await composition.instances().read("another-tenant", instance_id)
    with pytest.raises(InstanceNotFound):
        await composition.instances().cancel("another-tenant", instance_id, house.client)


async def test_events_of_no_live_instance_are_let_go(house: Any) -> None:
    assert not await house.announce("0" * 32, "job-1")


async def test_an_event_that_comes_before_the_instance_waits_is_kept_for_it(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await composition.definitions().put(
        house.caller.tenant, small("do: [{j: {call: processing.run, with: {dataset: d, query: q}}}]")
    )
    ask = house.services.ask

    async def finished_at_once(service: str, method: str, path: str, json: Any = None, **options: Any) -> Any:
        answer = await ask(service, method, path, json, **options)
        if method == "POST":
            house.services.finish(f"{path}/{answer['id']}", result={"rows": 1})
            instance_id = options["idempotency_key"].split(":")[0]
            await house.client.raise_event(instance_id, answer["id"], {})
        return answer

    monkeypatch.setattr(house.services, "ask", finished_at_once)
    instance_id = await start(house, StartRequest(namespace="test", name="small"))
    assert (await house.read(instance_id)).output["result"] == {"rows": 1}


async def test_an_instance_whose_orchestration_broke_off_is_marked_faulted(house: Any) -> None:
    await composition.definitions().put(house.caller.tenant, small("do: [{w: {wait: PT1H}}]"))
    request = StartRequest(namespace="test", name="small")
    broken, whole = await start(house, request), await start(house, request)
    await house.engine.client.terminate(broken, "a mistake in the platform")
    await house.idle()
    store = composition.instance_store()
    while (house.caller.tenant, broken) in await store.open():
        await Patrol().go_on(store, house.client)
    found = await house.read(broken)
    assert (found.status, found.error.status) == ("faulted", 500)
    assert "orchestration is terminated" in found.error.detail
    assert found.ended_at is not None
    assert (await house.read(whole)).status == "waiting"


async def test_an_instance_whose_orchestration_is_missing_is_marked_faulted(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ROUND_EVERY_S", 0.0)
    await composition.definitions().put(house.caller.tenant, small("do: [{w: {wait: PT1H}}]"))
    gone = await start(house, StartRequest(namespace="test", name="small"))
    await house.engine.client.terminate(gone, "")
    await house.idle()
    await house.engine.client.purge(gone)
    store, patrol = composition.instance_store(), Patrol()
    while (house.caller.tenant, gone) in await store.open():
        await patrol.go_on(store, house.client)
    assert "orchestration is missing" in (await house.read(gone)).error.detail


async def test_a_start_under_way_is_not_taken_for_broken_off(house: Any) -> None:
    store = composition.instance_store()
    values = {"namespace": "test", "name": "small", "version": "1.0.0"}
    await store.add(house.caller.tenant, "young", values)
    await Patrol().go_on(store, house.client)
    row = await store.get(house.caller.tenant, "young")
    assert row is not None
    assert row["status"] == "pending"
