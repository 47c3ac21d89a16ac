"""Workflows through the edge: a failed instance is tried again, listed, drawn; events wake; versions are deprecated."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from local.demo.api import Api

pytestmark = pytest.mark.asyncio(loop_scope="session")


def definition(name: str, body: str) -> bytes:
    return f"document: {{dsl: '1.0.3', namespace: e2e, name: {name}, version: '1.0.0'}}\n{body}".encode()


async def start(api: Api, name: str, body: str, given: Any = None) -> str:
    await api.call("PUT", "/workflow/definitions", content=definition(name, body), content_type="application/yaml")
    head = await api.call("POST", "/workflow/instances", {"namespace": "e2e", "name": name, "input": given})
    return str(head["id"])


async def until(api: Api, instance_id: str, *wanted: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = await api.call("GET", f"/workflow/instances/{instance_id}")
            if found["status"] in wanted:
                return found
            await asyncio.sleep(0.1)


async def test_a_failed_instance_goes_on_once_its_cause_is_mended(api: Api) -> None:
    schema = f"s{uuid4().hex[:12]}"
    body = f"""
do:
  - before: {{set: {{kept: '${{ .n }}'}}, export: {{as: .}}}}
  - check: {{call: metadata.validate, with: {{schema: {schema}, items: [{{}}]}}}}
  - after: {{set: {{kept: '${{ $context.kept }}', valid: '${{ .valid }}'}}}}
"""
    instance_id = await start(api, f"retry-{schema}", body, {"n": 7})
    failed = await until(api, instance_id, "faulted", "completed")
    assert (failed["status"], failed["error"]["instance"]) == ("faulted", "/do/1/check")
    drawn = (await api.raw("GET", f"/workflow/instances/{instance_id}/diagram")).decode()
    assert "class n2 faulted" in drawn
    await api.call("PUT", f"/metadata/schemas/{schema}", {"type": "object"})
    await api.call("POST", f"/workflow/instances/{instance_id}/retry")
    done = await until(api, instance_id, "completed")
    assert done["output"] == {"kept": 7, "valid": 1}
    assert [task["state"] for task in done["tasks"]] == ["completed", "faulted", "completed", "completed"]
    page = await api.call("GET", "/workflow/instances", params={"status": "completed", "name": f"retry-{schema}"})
    assert [item["id"] for item in page["items"]] == [instance_id]


async def test_a_listener_is_woken_by_its_event_and_by_no_other(api: Api) -> None:
    name = f"listen-{uuid4().hex[:8]}"
    correlate = "correlate: {o: {from: .data.order, expect: '${ .order }'}}"
    body = f"do: [{{hear: {{listen: {{to: {{one: {{with: {{type: e2e.paid}}, {correlate}}}}}}}}}}}]"
    ids = [await start(api, name, body, {"order": f"{name}-{n}"}) for n in range(2)]
    for instance_id in ids:
        await until(api, instance_id, "waiting")
    event = {"specversion": "1.0", "id": uuid4().hex, "source": "/e2e", "type": "e2e.paid"}
    await api.call("POST", "/workflow/events", {**event, "data": {"order": f"{name}-1"}})
    assert (await until(api, ids[1], "completed"))["output"] == [{"order": f"{name}-1"}]
    assert (await api.call("GET", f"/workflow/instances/{ids[0]}"))["status"] == "waiting"
    await api.call("POST", f"/workflow/instances/{ids[0]}/cancel")
    await until(api, ids[0], "cancelled")


async def test_a_deprecated_version_is_no_longer_chosen(api: Api) -> None:
    name = f"old-{uuid4().hex[:8]}"
    await until(api, await start(api, name, "do: [{s: {set: {n: 1}}}]"), "completed")
    where = f"/workflow/definitions/e2e/{name}/1.0.0"
    assert b"\nflowchart TD\n" in await api.raw("GET", f"{where}/diagram")
    head = await api.call("PUT", f"{where}/deprecation", {"deprecated": True})
    assert head["deprecatedAt"]
    with pytest.raises(Exception, match="deprecated"):
        await api.call("POST", "/workflow/instances", {"namespace": "e2e", "name": name, "input": None})
