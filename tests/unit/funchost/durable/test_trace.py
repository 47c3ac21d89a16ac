from datetime import timedelta
from typing import Any

import azure.durable_functions as df

bp = df.Blueprint()
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@bp.activity_trigger(input_name="number")
def double(number: int) -> int:
    return 2 * number


@bp.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.call_activity("double", context.get_input()))


@bp.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext) -> Any:
    number = yield context.call_sub_orchestrator("child", context.get_input())
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    if number < 8:
        context.continue_as_new(number)
        return None
    return number


async def test_the_callers_trace_reaches_every_function_over_restarts_and_new_executions(make_hub: Any) -> None:
    hub = await make_hub(bp)
    instance_id = await hub.engine.client.start("parent", None, '"1"', trace_parent=TRACE)
    await hub.idle()
    await hub.restart()
    row = await hub.finish(instance_id)
    assert (row.status, row.output) == ("Completed", "8")
    assert hub.functions.traces == {"parent": {TRACE}, "child": {TRACE}, "double": {TRACE}}
