"""What the activities of a test's engine answer."""

from collections.abc import Callable
from typing import Any

from durable.workflow.faults import STANDARD

MakeEngine = Callable[..., Any]


def done(output: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: {"state": "done", "output": output}


def failed(status: int, kind: str = "communication", **members: Any) -> dict[str, Any]:
    return {"state": "failed", "error": {"type": STANDARD + kind, "status": status, "title": "no", **members}}


def output_of(engine: Any) -> Any:
    assert engine.run()["status"] == "completed"
    return engine.final["output"]
