"""What passes between the orchestrator, its activities and the service whose work it is."""

from typing import Any, Literal

from chassis.models import Contract

ORCHESTRATOR = "processing_run_job"
PLAN = "processing_plan_job"
ENQUEUE = "processing_enqueue_chunks"
CHECK = "processing_check_chunks"
REDUCE = "processing_reduce_job"
FINISH = "processing_finish_job"

CHUNKS_DONE = "chunks-done"
"""The external event that wakes the orchestration; it carries nothing, the chunk rows are what counts."""

Kind = Literal["validation", "job"]
Problem = dict[str, Any]
"""An RFC 9457 body: type, title, status, detail and extensions."""


class Order(Contract):
    """The one piece of work that an orchestration carries out."""

    kind: Kind
    tenant: str
    id: str

    @property
    def instance_id(self) -> str:
        """The orchestration's instance id: the same work is the same instance."""
        return f"processing-{self.kind}-{self.id}"


class Outcome(Contract):
    """How a step went: `problem` is what makes the whole work fail for good, None when the step is done.

    `deadline_s` is the time that the planned work has.
    """

    problem: Problem | None = None
    deadline_s: int = 3600


class Standing(Contract):
    """How far the chunks are.

    `problem` is that of a chunk; `gone` is true when the work has ended meanwhile (discarded by its owner). `stage`
    counts how often what is done opened the way for further chunks; `plan_again` says that the plan was wrong.
    """

    done: int
    total: int
    problem: Problem | None = None
    gone: bool = False
    stage: int = 0
    plan_again: bool = False

    @property
    def complete(self) -> bool:
        """Whether every chunk is done."""
        return self.done >= self.total


class Ending(Contract):
    """The last step's input: the work, and why it failed if it did."""

    order: Order
    problem: Problem | None = None
