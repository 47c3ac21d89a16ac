"""The triggers of the durable topic: the orchestrator and its activities.

The official worker takes only plain types as annotations of bindings: `dict`, not `dict[str, Any]`.
"""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from durable.jobs import activities
from durable.jobs.models import CHECK, ENQUEUE, FINISH, ORCHESTRATOR, PLAN, REDUCE
from durable.jobs.orchestrator import run_job

blueprint = df.Blueprint()


@blueprint.function_name(ORCHESTRATOR)
@blueprint.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def processing_run_job(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """One validation or job, from plan to end."""
    return (yield from run_job(context))


@blueprint.function_name(PLAN)
@blueprint.activity_trigger(input_name="given")  # type: ignore[untyped-decorator]
async def processing_plan_job(given: dict) -> dict:  # type: ignore[type-arg]
    """Lay out the chunks."""
    return await activities.plan(given)


@blueprint.function_name(ENQUEUE)
@blueprint.activity_trigger(input_name="given")  # type: ignore[untyped-decorator]
async def processing_enqueue_chunks(given: dict) -> None:  # type: ignore[type-arg]
    """Put the unfinished chunks on the queue."""
    await activities.enqueue(given)


@blueprint.function_name(CHECK)
@blueprint.activity_trigger(input_name="given")  # type: ignore[untyped-decorator]
async def processing_check_chunks(given: dict) -> dict:  # type: ignore[type-arg]
    """Count what is done."""
    return await activities.check(given)


@blueprint.function_name(REDUCE)
@blueprint.activity_trigger(input_name="given")  # type: ignore[untyped-decorator]
async def processing_reduce_job(given: dict) -> dict:  # type: ignore[type-arg]
    """Make the result."""
    return await activities.reduce(given)


@blueprint.function_name(FINISH)
@blueprint.activity_trigger(input_name="given")  # type: ignore[untyped-decorator]
async def processing_finish_job(given: dict) -> None:  # type: ignore[type-arg]
    """Store and announce the end."""
    await activities.finish(given)
