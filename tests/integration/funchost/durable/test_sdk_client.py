"""The management API as DurableOrchestrationClient uses it, over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.durable_functions import OrchestrationRuntimeStatus as RuntimeStatus

from funchost.durable import DurableEngine

Client = df.DurableOrchestrationClient


async def finished(client: Client, instance_id: str) -> Any:
    """The status at the end, by the SDK's own way to wait."""
    request = func.HttpRequest("GET", "http://127.0.0.1/", body=b"")
    await client.wait_for_completion_or_create_check_status_response(request, instance_id, 60_000, 20)
    return await client.get_status(instance_id)


async def test_start_with_input_and_read_the_output(client: Client) -> None:
    instance_id = await client.start_new("greets", client_input={"name": "Ada"})
    status = await finished(client, instance_id)
    assert (status.runtime_status, status.output) == (RuntimeStatus.Completed, {"greeting": "Hello Ada!"})
    assert (status.name, json.loads(status.input_)) == ("greets", {"name": "Ada"})


async def test_a_posted_json_object_is_the_input(client: Client, engine: DurableEngine) -> None:
    links = json.loads(engine.client_binding())
    url = links["creationUrls"]["createAndWaitOnNewInstancePostUri"]
    url = url.replace("{functionName}[/{instanceId}]", "greets/by-hand")
    url = url.replace("{timeoutInSeconds}", "60").replace("{intervalInSeconds}", "0.05")
    async with aiohttp.ClientSession() as session, session.post(url, json={"name": "Bob"}) as response:
        assert (response.status, await response.json()) == (200, {"greeting": "Hello Bob!"})


async def test_a_status_has_the_fields_of_the_extension(client: Client) -> None:
    instance_id = await client.start_new("greets", client_input={"name": "Ada"})
    await finished(client, instance_id)
    url = client.create_http_management_payload(instance_id)["statusQueryGetUri"]
    fields = {
        "name",
        "instanceId",
        "runtimeStatus",
        "input",
        "customStatus",
        "output",
        "createdTime",
        "lastUpdatedTime",
    }
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert set(await response.json()) == fields
        async with session.get(f"{url}&showHistory=true") as response:
            assert set(await response.json()) == fields | {"historyEvents"}


async def test_the_id_of_a_running_instance_is_refused_and_of_an_ended_one_reused(client: Client) -> None:
    await client.start_new("waits", "mine")
    with pytest.raises(Exception, match="already exists"):
        await client.start_new("waits", "mine")
    await client.terminate("mine", "over")
    assert (await finished(client, "mine")).runtime_status is RuntimeStatus.Terminated
    assert await client.start_new("waits", "mine") == "mine"
    assert (await client.get_status("mine")).runtime_status in (RuntimeStatus.Pending, RuntimeStatus.Running)


async def test_an_unknown_orchestrator_is_named(client: Client) -> None:
    with pytest.raises(Exception, match=r"The function 'nobody' doesn't exist.*'greets'"):
        await client.start_new("nobody")


@pytest.mark.parametrize("instance_id", ["@at", "x" * 101])
async def test_an_id_that_the_hub_cannot_address_is_refused(client: Client, instance_id: str) -> None:
    with pytest.raises(Exception, match="nstance"):
        await client.start_new("waits", instance_id)


async def test_an_event_reaches_the_code_as_json_text(client: Client) -> None:
    instance_id = await client.start_new("waits")
    await client.raise_event(instance_id, "go", {"n": 1})
    # What the official host gives too (azure-functions-durable-python issue 295): the client encodes twice.
    assert json.loads((await finished(client, instance_id)).output) == {"n": 1}


async def test_messages_to_unknown_and_ended_instances_are_refused(client: Client) -> None:
    with pytest.raises(Exception, match="No instance with ID nobody found"):
        await client.raise_event("nobody", "go")
    with pytest.raises(Exception, match="No instance with ID 'nobody' found"):
        await client.terminate("nobody", "x")
    instance_id = await client.start_new("breaks")
    assert (await finished(client, instance_id)).runtime_status is RuntimeStatus.Failed
    with pytest.raises(Exception, match="is gone"):
        await client.raise_event(instance_id, "go")


async def test_an_unknown_instance_has_an_empty_status(client: Client) -> None:
    assert not await client.get_status("nobody")


async def test_suspend_and_resume(client: Client, engine: DurableEngine) -> None:
    instance_id = await client.start_new("waits")
    await client.suspend(instance_id, "pause")
    await client.raise_event(instance_id, "go", 1)
    while engine.waiting().orchestrations:
        await client.get_status(instance_id)
    assert (await client.get_status(instance_id)).runtime_status is RuntimeStatus.Suspended
    await client.resume(instance_id, "on")
    assert (await finished(client, instance_id)).runtime_status is RuntimeStatus.Completed


async def test_history_names_the_activity_and_its_result(client: Client) -> None:
    instance_id = await client.start_new("greets", client_input={"name": "Eve"})
    await finished(client, instance_id)
    status = await client.get_status(instance_id, show_history=True, show_history_output=True)
    kinds = [event["EventType"] for event in status.historyEvents]
    assert kinds == ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]
    assert (status.historyEvents[1]["FunctionName"], status.historyEvents[1]["Result"]) == ("greet", "Hello Eve!")


async def test_list_by_status_and_prefix(client: Client) -> None:
    for number in range(3):
        await client.start_new("waits", f"list-{number}")
    await client.start_new("breaks", "other")
    await finished(client, "other")
    found = await client.get_status_by(runtime_status=[RuntimeStatus.Failed])
    assert [status.instance_id for status in found] == ["other"]
    found = await client.get_status_by(instance_id_prefix="list-")
    assert [status.instance_id for status in found] == ["list-0", "list-1", "list-2"]
    assert len(await client.get_status_all()) == 4


async def test_a_long_list_comes_in_pages(client: Client, engine: DurableEngine) -> None:
    for number in range(5):
        await client.start_new("waits", f"page-{number}")
    url = f"{json.loads(engine.client_binding())['baseUrl']}/instances?top=2"
    ids: list[str] = []
    token = ""
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(url, headers={"x-ms-continuation-token": token}) as response:
                ids += [item["instanceId"] for item in await response.json()]
                token = response.headers["x-ms-continuation-token"]
    assert (ids, token) == ([f"page-{number}" for number in range(5)], "")


async def test_purge_deletes_ended_instances_only(client: Client) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=1)
    await client.start_new("breaks", "ended")
    await client.start_new("waits", "running")
    await finished(client, "ended")
    assert (await client.purge_instance_history("running")).instances_deleted == 0
    assert (await client.purge_instance_history_by(begin, runtime_status=[RuntimeStatus.Failed])).instances_deleted == 1
    assert not await client.get_status("ended")
    assert (await client.purge_instance_history("ended")).instances_deleted == 0
    assert await client.get_status("running")


async def test_restart_runs_the_same_input_again(client: Client) -> None:
    instance_id = await client.start_new("greets", client_input={"name": "Joe"})
    await finished(client, instance_id)
    links: Any = await client.restart(instance_id)
    assert links["id"] != instance_id
    assert (await finished(client, links["id"])).output == {"greeting": "Hello Joe!"}


async def test_only_what_has_failed_is_rewound(client: Client) -> None:
    failed = await client.start_new("breaks")
    await finished(client, failed)
    await client.rewind(failed, "once more")
    assert (await finished(client, failed)).runtime_status is RuntimeStatus.Failed
    running = await client.start_new("waits")
    with pytest.raises(Exception, match="only supported on failed"):
        await client.rewind(running, "too early")


async def test_an_entity_is_signalled_and_read(client: Client, engine: DurableEngine) -> None:
    entity = df.EntityId("Counter", "a")
    assert not (await client.read_entity_state(entity)).entity_exists
    await client.signal_entity(entity, "add", 5)
    await client.signal_entity(entity, "add")
    while engine.waiting().orchestrations:
        await client.get_status_all()
    state = await client.read_entity_state(entity)
    assert (state.entity_exists, state.entity_state) == (True, 6)


async def test_entities_are_listed_by_name_in_pages_with_their_states(client: Client, engine: DurableEngine) -> None:
    for key in ("a", "b", "c"):
        await client.signal_entity(df.EntityId("Counter", key), "add", 2)
    while engine.waiting().orchestrations:
        await client.get_status_all()
    url = f"{json.loads(engine.client_binding())['baseUrl']}/entities"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/Counter?top=2&fetchState=true") as response:
            first, token = await response.json(), response.headers["x-ms-continuation-token"]
        headers = {"x-ms-continuation-token": token}
        async with session.get(f"{url}/counter?top=2", headers=headers) as response:
            second = await response.json()
        async with session.get(f"{url}/other") as response:
            none = await response.json()
        async with session.get(f"{url}?lastOperationTimeTo=2020-01-01T00:00:00Z") as response:
            old = await response.json()
    assert [(item["entityId"]["key"], item["state"]) for item in first] == [("a", 2), ("b", 2)]
    assert [item["entityId"] for item in second] == [{"name": "counter", "key": "c"}]
    assert "state" not in second[0]
    assert (none, old) == ([], [])
    assert await client.get_status_all() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/orchestrators/greets", b"{nope", 400),
        ("POST", "/orchestrators/greets", b"\xff\xfe", 400),
        ("GET", "/instances?createdTimeFrom=yesterday", b"", 400),
        ("GET", "/instances?top=many", b"", 400),
        ("DELETE", "/instances", b"", 400),
        ("GET", "/nothing/here", b"", 404),
        ("PUT", "/instances/x", b"", 404),
        ("GET", "/entities/counter?lastOperationTimeFrom=never", b"", 400),
        ("POST", "/entities/nobody/a?op=x", b"", 400),
        ("POST", "/instances/x/rewind", b"", 404),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    engine: DurableEngine, method: str, path: str, body: bytes, status: int
) -> None:
    url = json.loads(engine.client_binding())["baseUrl"] + path
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body) as response:
        assert response.status == status
