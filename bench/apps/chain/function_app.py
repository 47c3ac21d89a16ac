"""A chain of five activities, written as the samples of Durable Functions write it."""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

STEPS = 5
app = df.DFApp()


@app.orchestration_trigger(context_name="context")  # type: ignore[untyped-decorator]
def chain(context: df.DurableOrchestrationContext) -> Generator[Any, Any, int]:
    """Add one, five times."""
    value = 0
    for _ in range(STEPS):
        value = yield context.call_activity("add_one", value)
    return value


@app.activity_trigger(input_name="value")  # type: ignore[untyped-decorator]
def add_one(value: int) -> int:
    """One step."""
    return value + 1
