"""fork: branches that run at the same time, each a generator of its own, woken by whatever it waits for."""

from dataclasses import dataclass
from typing import Any

from durable.workflow.dsl import tasks as dsl
from durable.workflow.faults import Cancelled, Fault
from durable.workflow.interpretation import tasks as lists
from durable.workflow.interpretation.deadlines import stopped
from durable.workflow.interpretation.run import Place, Result, Run, Scope, Steps, Wait

WITHIN_FORK = Scope(is_resumable=False)


@dataclass
class _Branch:
    run: Run
    steps: Steps[Result]
    waits: Wait | None = None
    result: Result | None = None

    def advance(self) -> None:
        """Run to the next wait or the end. Raises Fault."""
        try:
            self.waits = self.run.inside(WITHIN_FORK, self.steps)
        except StopIteration as end:
            self.waits, self.result = None, end.value

    @property
    def is_ready(self) -> bool:
        return self.waits is not None and any(task.is_completed for task in self.waits.tasks)


def run_fork(run: Run, task: dsl.ForkTask, place: Place, data: Any, variables: dict[str, Any]) -> Steps[Result]:
    """All branches' outputs in declared order; in a competition the output of the first to complete.

    The first error ends the other branches where they are and is the fork's own. What had completed in any branch
    is compensated when the instance is.
    """
    path = place.below("fork", "branches")
    branches = [
        _Branch(run, lists.run_task(run, branch, Place(name, f"{path}/{index}/{name}"), data, variables))
        for index, (name, branch) in enumerate(dsl.items(task.fork.branches))
    ]
    try:
        for branch in branches:
            branch.advance()
            if task.fork.compete and branch.result is not None:
                break
        while not _decided(branches, compete=task.fork.compete):
            yield _joint(branches)
            for branch in branches:
                if branch.is_ready:
                    branch.advance()
    except (Fault, Cancelled):
        yield from _stop(branches)
        raise
    yield from _stop(branches)
    return _result(branches, compete=task.fork.compete)


def _decided(branches: list[_Branch], *, compete: bool) -> bool:
    done = [branch.result is not None for branch in branches]
    return any(done) if compete and done else all(done)


def _joint(branches: list[_Branch]) -> Wait:
    waits = [branch.waits for branch in branches if branch.waits is not None]
    return Wait(tuple(task for wait in waits for task in wait.tasks), busy=any(wait.busy for wait in waits))


def _stop(branches: list[_Branch]) -> Steps[None]:
    """End the branches that still wait; each records itself as cancelled."""
    for branch in branches:
        if branch.waits is not None:
            branch.waits = None
            yield from stopped(branch.steps)


def _result(branches: list[_Branch], *, compete: bool) -> Result:
    results = [branch.result for branch in branches if branch.result is not None]
    then = "end" if any(result.then == "end" for result in results) else None
    if compete:
        return Result(results[0].output if results else None, then)
    return Result([result.output for result in results], then)
