"""Undoes what completed tasks made, last first; one that fails is recorded and the others go on."""

from durable.workflow.faults import Fault
from durable.workflow.interpretation.run import Run, Steps
from durable.workflow.interpretation.tasks import run_list
from durable.workflow.models import Undone


def compensate(run: Run) -> Steps[tuple[Undone, ...]]:
    """What became of each compensation, in the order in which they ran (the reverse of completion).

    What the compensations themselves complete is not undone.
    """
    undone = []
    entries, run.completed = run.completed, []
    while entries:
        entry = entries.pop()
        run.data = entry.context
        path = f"{entry.reference}/metadata/compensation/do"
        try:
            yield from run_list(run, entry.tasks, path, entry.data, entry.variables)
            outcome = Undone(reference=entry.reference, status="compensated")
        except Fault as fault:
            outcome = Undone(reference=entry.reference, status="failed", error=fault.error)
        run.trail.compensated(outcome)
        undone.append(outcome)
    run.completed = []
    return tuple(undone)
