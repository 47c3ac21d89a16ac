"""The activities: each does one step in the context of the work's beginner, in a span of its trace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chassis.runtime import runtime_for
from durable.jobs.models import Ending, Order
from durable.jobs.steps import Steps, provided


@asynccontextmanager
async def _step(order: Order, name: str) -> AsyncIterator[Steps]:
    steps = provided()
    runtime = runtime_for("processing")
    async with runtime.working(await steps.context_of(order), f"{name} {order.kind}"):
        yield steps


async def plan(given: dict[str, Any]) -> dict[str, Any]:
    """Lay out the work of an Order; returns an Outcome."""
    order = Order.model_validate(given)
    async with _step(order, "plan") as steps:
        return (await steps.plan(order)).model_dump(mode="json")


async def enqueue(given: dict[str, Any]) -> None:
    """Enqueue the unfinished chunks of an Order."""
    order = Order.model_validate(given)
    async with _step(order, "enqueue") as steps:
        await steps.enqueue(order)


async def check(given: dict[str, Any]) -> dict[str, Any]:
    """How far the chunks of an Order are; returns a Standing."""
    order = Order.model_validate(given)
    async with _step(order, "check") as steps:
        return (await steps.check(order)).model_dump(mode="json")


async def reduce(given: dict[str, Any]) -> dict[str, Any]:
    """Reduce the parts of an Order; returns an Outcome."""
    order = Order.model_validate(given)
    async with _step(order, "reduce") as steps:
        return (await steps.reduce(order)).model_dump(mode="json")


async def finish(given: dict[str, Any]) -> None:
    """End an Order as its Ending says."""
    ending = Ending.model_validate(given)
    async with _step(ending.order, "finish") as steps:
        await steps.finish(ending.order, ending.problem)
