"""Runs one definition, once."""

from typing import Any
from uuid import uuid4

from functions.workflow import composition
from functions.workflow.schemas import StartRequest


async def run(house: Any, body: str, given: Any = None) -> Any:
    """Put a definition, run it once; the instance as the API shows it."""
    name = f"d{uuid4().hex[:8]}"
    head = f"document: {{dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0'}}\n"
    await composition.definitions().put(house.caller.tenant, (head + body).encode())
    request = StartRequest(namespace="test", name=name, input=given)
    started = await composition.instances().start(house.caller, request, None, house.client)
    await house.idle()
    return await house.read(started.id)
