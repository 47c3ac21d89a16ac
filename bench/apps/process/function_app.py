"""One process of five steps, twice: as a definition that the platform's interpreter runs, and written by hand.

Both make the same five calls with the same arguments, each made of the output before, and record their end.
"""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from durable.workflow.jq_process import process_evaluator
from durable.workflow.orchestrator import run_definition

STEPS = 5
app = df.DFApp()


@app.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def interpreted(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """The platform's orchestrator."""
    return (yield from run_definition(context, process_evaluator()))


@app.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def by_hand(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """The same process as a Durable orchestrator."""
    data: Any = context.get_input()
    for step in range(STEPS):
        call = {"function": "processing.discardJob", "arguments": {"id": f"{data['id']}-{step}"}}
        outcome = yield context.call_activity("workflow_call_function", call)
        data = {"id": outcome["output"]["id"], "steps": data["steps"] + 1}
    yield context.call_activity("workflow_record_progress", {"status": "completed", "output": data})
    return {"status": "completed"}


@app.activity_trigger(input_name="call")  # type: ignore[untyped-decorator]
def workflow_call_function(call: dict) -> dict:  # type: ignore[type-arg]
    """One step: gives back what it was given."""
    return {"state": "done", "output": {"id": call["arguments"]["id"]}}


@app.activity_trigger(input_name="progress")  # type: ignore[untyped-decorator]
def workflow_record_progress(progress: dict) -> dict:  # type: ignore[type-arg]
    """The end, which nobody reads here."""
    return {}
