"""The states of a report and the steps between them."""

from functions.reporting.schemas import Status

STEPS: dict[Status, frozenset[Status]] = {
    "pending": frozenset({"running", "failed", "discarded"}),
    "running": frozenset({"running", "completed", "failed", "discarded"}),
    "completed": frozenset({"discarded"}),
    "failed": frozenset({"discarded"}),
    "discarded": frozenset(),
}
"""From each state to those that may follow; running follows itself when a killed rendering is begun again."""

OPEN: frozenset[Status] = frozenset({"pending", "running"})
"""States in which the report is still to be made."""


def may_become(now: Status, then: Status) -> bool:
    """Whether a report in state `now` may go to `then`."""
    return then in STEPS[now]
