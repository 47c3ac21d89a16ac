"""The whole host keeps an orchestrator's code between turns, unless host.json says otherwise."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from funchost.host import Host
from funchost.host_json import read_host_json
from funchost.indexing import index_app

APP = """
import azure.durable_functions as df

app = df.DFApp()
began = []


@app.orchestration_trigger(context_name="context")
def chain(context):
    began.append(context.instance_id)
    value = 1
    for _ in range(3):
        value = yield context.call_activity("double", value)
    return [value, len(began)]


@app.activity_trigger(input_name="value")
def double(value: int) -> int:
    return 2 * value
"""


@pytest.mark.parametrize(("settings", "beginnings"), [({}, 1), ({"extendedSessionsEnabled": False}, 4)])
async def test_code_begins_once_or_at_every_turn(tmp_path: Path, settings: dict[str, Any], beginnings: int) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"durableTask": settings}}))
    host_json = read_host_json(tmp_path / "host.json")
    host = Host(index_app(tmp_path), host_json, state_dir=tmp_path / "state", base_url="http://x", host_id="test")
    await host.start()
    try:
        instance_id = await host.engine.client.start("chain")
        while not (row := await host.engine.client.get(instance_id)).status.is_final:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)
    finally:
        await host.drain(5, _nothing)
        await host.close()
    assert json.loads(row.output) == [8, beginnings]


async def _nothing() -> None:
    """No HTTP request is under way."""
