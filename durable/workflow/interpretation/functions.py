"""Functions that are tasks themselves: those of `use.functions`, of a catalog of functions, and by URL.

A function gets the call's arguments as its input and gives its output; it sees none of the caller's variables. One
that lies elsewhere is fetched when it is called, and the history keeps what was fetched.
"""

from typing import Any

from pydantic import TypeAdapter

from durable.workflow.cataloged import function_address
from durable.workflow.dsl import tasks as dsl
from durable.workflow.faults import Fault
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.outgoing import call_protocol
from durable.workflow.interpretation.run import Place, Result, Run, Steps

_TASK: TypeAdapter[dsl.Task] = TypeAdapter(dsl.Task)


def call_task_function(
    run: Run, task: dsl.CallFunction, place: Place, data: Any, seen: dict[str, Any]
) -> Steps[Result]:
    """The function's output. Raises Fault of the function's own error, at the place of the call."""
    with run.frame() as frame:
        if "given" not in frame:
            given = run.fill(task.with_ or {}, data, seen)
            run.check_size(given, "what is passed to the function")
            frame["function"] = yield from _fetched(run, task, place, data, seen)
            frame["given"] = given
        function = run.definition.use.functions.get(task.call) or _TASK.validate_python(frame["function"])
        inner = Place(task.call, place.below("call"))
        try:
            result = yield from lists.run_task(run, function, inner, frame["given"], {})
        except Fault as fault:
            error = fault.error
            if error.instance is not None and error.instance.startswith(inner.reference):
                error = error.model_copy(update={"instance": place.reference})
            raise Fault(error) from None
    return Result(result.output)


def _fetched(run: Run, task: dsl.CallFunction, place: Place, data: Any, seen: dict[str, Any]) -> Steps[Any]:
    """The function's raw definition from where it lies; None for one of the workflow's own."""
    if task.call in run.definition.use.functions:
        return None
    use = run.document.get("use") or {}
    endpoint = function_address(task.call, use.get("catalogs") or {})
    source = {"document": {"endpoint": endpoint}}
    return (yield from call_protocol(run, "function", source, Place(place.name, place.below("source")), data, seen))
