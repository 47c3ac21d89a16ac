"""The durable functions of the workflow topic: one orchestrator and its activities.

The official worker takes only plain types as annotations of bindings: `dict`, not `dict[str, Any]`.
"""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from chassis.runtime import runtime_for
from durable.workflow import activities
from durable.workflow.calls.activity import call_out
from durable.workflow.calls.models import OutgoingCall
from durable.workflow.jq_process import process_evaluator
from durable.workflow.models import FunctionCall, FunctionPoll, Going, Progress, TakeEvents
from durable.workflow.orchestrator import run_definition

runtime = runtime_for("workflow")
blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def workflow_run_definition(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Runs one instance of any definition."""
    return (yield from run_definition(context, process_evaluator()))


@blueprint.activity_trigger(input_name="call")  # type: ignore[untyped-decorator]
async def workflow_call_function(call: dict) -> dict:  # type: ignore[type-arg]
    """Calls a function of the catalog."""
    outcome = await activities.call_function(runtime, FunctionCall.model_validate(call))
    return outcome.model_dump(mode="json")


@blueprint.activity_trigger(input_name="call")  # type: ignore[untyped-decorator]
async def workflow_call_out(call: dict) -> dict:  # type: ignore[type-arg]
    """Makes a call that leaves the platform."""
    outcome = await call_out(runtime, OutgoingCall.model_validate(call))
    return outcome.model_dump(mode="json")


@blueprint.activity_trigger(input_name="poll")  # type: ignore[untyped-decorator]
async def workflow_poll_function(poll: dict) -> dict:  # type: ignore[type-arg]
    """Asks how started work stands."""
    outcome = await activities.poll_function(runtime, FunctionPoll.model_validate(poll))
    return outcome.model_dump(mode="json")


@blueprint.activity_trigger(input_name="progress")  # type: ignore[untyped-decorator]
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def workflow_record_progress(progress: dict, client: df.DurableOrchestrationClient) -> dict:  # type: ignore[type-arg]
    """Writes to the read model; opens and closes listeners; tells a parent of the end."""
    written = Progress.model_validate(progress)
    recorded = await activities.record_progress(runtime, process_evaluator(), client, written)
    return recorded.model_dump(mode="json")


@blueprint.activity_trigger(input_name="going")  # type: ignore[untyped-decorator]
async def workflow_check_going(going: dict) -> bool:  # type: ignore[type-arg]
    """Whether the instance is to go on: False once a cancellation was asked for."""
    return await activities.check_going(runtime, Going.model_validate(going))


@blueprint.activity_trigger(input_name="request")  # type: ignore[untyped-decorator]
async def workflow_take_events(request: dict) -> dict:  # type: ignore[type-arg]
    """Takes the next events that were kept for a listener."""
    taken = await activities.take_events(runtime, TakeEvents.model_validate(request))
    return taken.model_dump(mode="json")
