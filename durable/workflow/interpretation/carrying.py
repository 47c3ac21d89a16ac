"""What one execution of an instance hands to the next, and how that goes on with it."""

from collections import Counter
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from durable.workflow.dsl.definition import Definition, parse_frozen
from durable.workflow.dsl.tasks import Task, TaskList
from durable.workflow.dsl.walk import every_task
from durable.workflow.expressions import Evaluator
from durable.workflow.interpretation.frames import Frame, Frames
from durable.workflow.interpretation.run import Completed, Run, rfc3339
from durable.workflow.models import Carried, StartInstance
from durable.workflow.trail import Trail

_LIST: TypeAdapter[TaskList] = TypeAdapter(TaskList)


def begin(context: Any, evaluator: Evaluator) -> Run:
    """The run of a new execution: from the start, or from where the last one stopped."""
    start = StartInstance.model_validate(context.get_input())
    definition, document = parse_frozen(start.definition)
    carried = start.carried
    started_at = datetime.fromisoformat(carried.started_at) if carried else context.current_utc_datetime
    run = Run(context, evaluator, start, definition, document, Trail(start, rfc3339(started_at)), started_at)
    if carried is not None:
        run.data = carried.data
        run.frames = Frames(ahead=list(carried.frames))
        run.generations = Counter(carried.generations)
        run.unanswered = dict(carried.unanswered)
        run.idle_runs = carried.idle_runs
        run.listeners, run.heard = carried.listeners, dict.fromkeys(carried.heard)
        run.completed = [_completed(start.definition, item) for item in carried.completed]
    return run


def next_start(run: Run, frames: list[Frame]) -> StartInstance:
    """The next execution's input."""
    return run.start.model_copy(update={"carried": carried_from(run, frames)})


def to_try_again(run: Run, frames: list[Frame]) -> Carried:
    """What it takes to go on from a failed task, once whatever made it fail is mended; time limits begin anew."""
    return carried_from(run, [{key: value for key, value in frame.items() if key != "deadline"} for frame in frames])


def carried_from(run: Run, frames: list[Frame]) -> Carried:
    """What the interpretation remembers, with where it stands."""
    completed = [_carried(run.start.definition, item) for item in run.completed]
    return Carried(
        started_at=run.started_at.isoformat(),
        data=run.data,
        frames=frames,
        completed=completed,
        generations=dict(run.generations),
        unanswered=run.unanswered,
        trail=run.trail.carried(),
        idle_runs=run.idle_runs,
        listeners=run.listeners,
        heard=tuple(run.heard),
    )


def _carried(definition: str, item: Completed) -> dict[str, Any]:
    """The task's compensation by its reference; as a whole where the task stands in a function."""
    kept = {"reference": item.reference, "data": item.data, "context": item.context, "variables": item.variables}
    if item.reference not in _tasks(definition):
        kept["undo"] = _LIST.dump_python(item.tasks, mode="json", by_alias=True, exclude_unset=True)
    return kept


def _completed(definition: str, item: dict[str, Any]) -> Completed:
    if "undo" in item:
        own = _LIST.validate_python(item["undo"])
        return Completed(item["reference"], own, item["data"], item["context"], item["variables"])
    task = _tasks(definition)[item["reference"]]
    if task.metadata is None or task.metadata.compensation is None:
        raise KeyError(item["reference"])
    undo = task.metadata.compensation.do
    return Completed(item["reference"], undo, item["data"], item["context"], item["variables"])


@lru_cache(maxsize=64)
def _tasks(definition: str) -> dict[str, Task]:
    """Every task of a definition by its reference."""
    parsed: Definition = parse_frozen(definition)[0]
    return {"".join(f"/{part}" for part in visit.path): visit.task for visit in every_task(parsed)}
