"""The instances whose histories are recorded: the examples, and what they leave out; services answer from a script."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "workflows"
HEAD = "document: {dsl: '1.0.3', namespace: replay, name: own, version: '1.0.0'}\n"
AWAY = {
    "state": "failed",
    "error": {
        "type": "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
        "status": 503,
        "title": "The service is away",
    },
}
LONG = HEAD + "do: [{each: {for: {each: n, in: '[range(130)]'}, do: [{w: {wait: PT1M}}, {s: {set: {n: '${ $n }'}}}]}}]"
CANCELLED = (
    HEAD
    + """
do:
  - made:
      call: processing.discardJob
      with: {id: a}
      metadata: {compensation: {do: [{undo: {call: processing.discardJob, with: {id: b}}}]}}
  - wait: {wait: PT1H}
"""
)
NESTED = (
    HEAD
    + """
do:
  - outer:
      fork:
        branches:
          - a: {do: [{w: {wait: PT5S, timeout: {after: PT1S}}}]}
          - b: {do: [{w: {wait: PT3S}}]}
"""
)


@dataclass(frozen=True)
class Scenario:
    """A definition with an input; the outcomes of its calls in order (the last one ever again), events to raise."""

    text: str
    given: Any = None
    calls: tuple[dict[str, Any], ...] = ({"state": "done", "output": {"id": "x"}},)
    polls: tuple[dict[str, Any], ...] = ({"state": "started", "started": "job-1"},)
    events: tuple[str, ...] = field(default=())


def example(name: str, given: Any, **members: Any) -> Scenario:
    """A scenario of one of the examples."""
    return Scenario((EXAMPLES / f"{name}.yaml").read_text(), given, **members)


ORDER = {"order": {"customer": "Ada", "lines": [{"price": 2, "count": 3}]}}
STARTED = {"state": "started", "started": "job-1"}
SCENARIOS: dict[str, Scenario] = {
    "data": example("01-data", ORDER),
    "decisions": example("02-decisions", {"amount": 500, "orders": 20}),
    "loops": example("03-loops", {"readings": [100, 200, 300, 900]}),
    "parallel": example("04-parallel", {"base": 10}),
    "errors": example("05-errors", {"items": []}, calls=(AWAY, AWAY, {"state": "done", "output": {"valid": 2}})),
    "timeouts": example("06-timeouts", {"dataset": "d"}, calls=(STARTED,)),
    "compensation": example(
        "07-compensation", {"dataset": "d"}, calls=({"state": "done", "output": {"id": "v", "result": {"rows": 0}}},)
    ),
    "started-work": example(
        "07-compensation",
        {"dataset": "d"},
        calls=(STARTED,),
        polls=(STARTED, {"state": "done", "output": {"id": "j", "result": {"rows": 1}}}),
        events=("job-1",),
    ),
    "extensions": example("10-extensions", {"dataset": "d", "dryRun": True}),
    "long-loop": Scenario(LONG),
    "cancelled": Scenario(CANCELLED, events=("workflow.cancel",)),
    "branches": Scenario(NESTED),
}
