"""The examples of docs/workflow.md that talk to others: calls over HTTP with a secret, and events that come in."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from functions.workflow import composition
from functions.workflow.schemas import StartRequest
from tests.integration.workflow.calls.third_party import ThirdParty

EXAMPLES = Path(__file__).parents[4] / "examples" / "workflows"


@pytest.fixture
def workflow_settings(tmp_path: Path, third_party: ThirdParty) -> dict[str, Any]:
    """The operator leads the example's host to this machine."""
    hosts = {"shop.example.com": third_party.url}
    return {"secrets_file": tmp_path / "secrets.json", "workflow_call_hosts": hosts}


async def start(house: Any, name: str, given: Any = None) -> str:
    id, _ = await composition.definitions().put(house.caller.tenant, (EXAMPLES / f"{name}.yaml").read_bytes())
    request = StartRequest(namespace=id.namespace, name=id.name, input=given)
    head = await composition.instances().start(house.caller, request, None, house.client)
    await house.idle()
    return str(head.id)


async def test_calls(house: Any, third_party: ThirdParty) -> None:
    async def products(request: web.Request, _: bytes) -> web.Response:
        return web.json_response({"id": request.path.rsplit("/", 1)[1], "price": 7})

    async def orders(request: web.Request, _: bytes) -> web.Response:
        return web.json_response({"number": 4711}, status=201)

    third_party.get_products, third_party.get_orders = products, orders  # type: ignore[attr-defined]
    await composition.secrets().put(house.caller.tenant, "shopToken", {"token": "canary"})
    found = await house.read(await start(house, "08-calls", {"id": "p1"}))
    assert found.status == "completed", found.error
    assert found.output == {"order": 4711, "status": 201}
    assert [request["headers"]["Authorization"] for request in third_party.requests] == ["Bearer canary"] * 2
    assert b'"price":7' in third_party.requests[1]["body"].replace(b" ", b"")


async def test_events(house: Any) -> None:
    instance_id = await start(house, "09-events")
    measured = [("temperature", {"celsius": 37}), ("pulse", {"bpm": 130}), ("temperature", {"celsius": 39})]
    for number, (kind, data) in enumerate([*measured, ("discharged", {})]):
        event = {
            "specversion": "1.0",
            "id": str(number),
            "source": "/ward",
            "type": f"com.example.{kind}",
            "data": data,
        }
        await composition.intake().accept(house.caller.tenant, [event], house.client)
        await house.idle()
    found = await house.read(instance_id)
    assert found.status == "completed", found.error
    assert found.output == {"alarms": 2}
