"""The ten examples of docs/workflow.md run, and give what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from durable.workflow.catalog import CATALOG

ROOT = Path(__file__).parents[4]
EXAMPLES = {path.stem: path.read_text() for path in sorted((ROOT / "examples" / "workflows").glob("*.yaml"))}
MakeEngine = Callable[..., Any]


def run(engine: MakeEngine, name: str, given: Any, **activities: Any) -> Any:
    document = YAML(typ="safe", pure=True).load(EXAMPLES[name])
    body = {key: value for key, value in document.items() if key != "document"}
    made = engine(_as_yaml(body), given, **activities)
    made.run()
    return made


def _as_yaml(body: dict[str, Any]) -> str:
    import json

    return json.dumps(body)


def answers(**outputs: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answers of catalog functions by name, `.` written as `_`."""

    def answer(call: dict[str, Any]) -> dict[str, Any]:
        assert call["function"] in CATALOG
        return {"state": "done", "output": outputs.get(call["function"].replace(".", "_"), {"id": call["function"]})}

    return answer


def test_there_are_ten_and_the_page_names_each() -> None:
    page = (ROOT / "docs" / "workflow.md").read_text()
    assert len(EXAMPLES) == 10
    assert [name for name in EXAMPLES if f"examples/workflows/{name}.yaml" not in page] == []


def test_data(engine: MakeEngine) -> None:
    order = {"customer": "Ada", "lines": [{"price": 2, "count": 3}, {"price": 5, "count": 1}]}
    made = run(engine, "01-data", {"order": order})
    assert made.final["output"] == {"letter": "Dear Ada, that makes 11.", "total": 11}


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        ({"amount": 5, "orders": 11}, {"decision": "accepted", "reviewed": False, "discount": 5}),
        ({"amount": 500, "orders": 1}, {"decision": "accepted", "reviewed": True, "discount": 0}),
        ({"amount": 50_000, "orders": 1}, {"decision": "refused"}),
    ],
)
def test_decisions(engine: MakeEngine, given: dict[str, Any], decision: dict[str, Any]) -> None:
    assert run(engine, "02-decisions", given).final["output"] == decision


def test_loops(engine: MakeEngine) -> None:
    made = run(engine, "03-loops", {"readings": [100, 200, 300, 900]})
    assert made.final["output"] == {"mean": 200, "seen": 3}


def test_parallel(engine: MakeEngine) -> None:
    made = run(engine, "04-parallel", {"base": 10})
    assert made.final["output"] == {"stock": 7, "price": 12, "carrier": "fast"}
    assert made.now.second == 5


def test_errors(engine: MakeEngine) -> None:
    away = {"state": "failed", "error": {"type": "https://serverlessworkflow.io/spec/1.0.0/errors/communication",
                                         "status": 503, "title": "away"}}  # fmt: skip
    outcomes = iter([away, away, {"state": "done", "output": {"valid": 2}}])
    made = run(engine, "05-errors", {"items": []}, workflow_call_function=lambda _: next(outcomes))
    where = "/do/1/count/try/0/enough"
    assert made.final["output"] == {"accepted": False, "why": "only 2", "where": where}
    assert made.now.second == 2 + 4


def test_timeouts(engine: MakeEngine) -> None:
    def started(_: dict[str, Any]) -> dict[str, Any]:
        return {"state": "started", "started": "job-1"}

    made = run(engine, "06-timeouts", {"dataset": "d"}, workflow_call_function=started, workflow_poll_function=started)
    assert made.final["output"] == {"late": True, "task": "/do/0/answer/try/0/work"}
    assert made.now.second == 10


def test_compensation(engine: MakeEngine) -> None:
    outputs = {"processing_validate": {"id": "v1"}, "processing_run": {"id": "j1", "result": {"rows": 0}}}
    made = run(engine, "07-compensation", {"dataset": "d"}, workflow_call_function=answers(**outputs))
    assert made.final["error"]["title"] == "Empty"
    undone = [(call["function"], call["arguments"]) for call in made.called("workflow_call_function")[2:]]
    assert undone == [("processing.discardJob", {"id": "j1"}), ("processing.discardValidation", {"id": "v1"})]


def test_extensions(engine: MakeEngine) -> None:
    real = answers(processing_run={"id": "j1", "result": {"rows": 5}})
    made = run(engine, "10-extensions", {"dataset": "d", "dryRun": False}, workflow_call_function=real)
    assert made.final["output"] == {"rows": 5}
    assert "com.example.log" in made.event_types
    made = run(engine, "10-extensions", {"dataset": "d", "dryRun": True})
    assert made.final["output"] == {"rows": 0}
