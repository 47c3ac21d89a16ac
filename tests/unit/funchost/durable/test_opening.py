"""What reaches the management API before the hub is open."""

import asyncio
from pathlib import Path
from typing import Any

from funchost.durable import DurableEngine
from funchost.durable.memory import MemoryBackend


async def test_a_request_waits_until_the_hub_is_open(tmp_path: Path) -> None:
    engine = DurableEngine({}, _no_function, {}, tmp_path, "http://x", backend=MemoryBackend())
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    path = "/runtime/webhooks/durabletask/instances"
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    answer = asyncio.create_task(engine.asgi(scope, receive, send))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not sent
    await engine.start()
    await answer
    assert sent[0]["status"] == 200


async def _no_function(*_: Any) -> None:
    raise AssertionError
