"""A bench's result as a JSON file, `build/bench/<name>.json`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.contest import Effort, Sample, Side
from bench.rounds import Outcome, median_details
from bench.statistics import Spread

FOLDER = Path(__file__).resolve().parent.parent / "build" / "bench"


def write(name: str, effort: Effort, machine: dict[str, object], outcomes: Sequence[Outcome]) -> Path:
    """Write the file and give its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    document = {
        "bench": name,
        "machine": machine,
        "effort": {"rounds": effort.rounds, "seconds": effort.seconds, "quick": effort.quick},
        "contests": [_contest(outcome) for outcome in outcomes],
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return path


def _contest(outcome: Outcome) -> dict[str, Any]:
    contest = outcome.contest
    return {
        "name": contest.name,
        "unit": contest.unit,
        "better": "lower" if contest.is_cost else "higher",
        "goal": contest.goal,
        "reachesGoal": outcome.reaches_goal,
        "ratio": _spread(outcome.ratio),
        "ours": _side(contest.ours, outcome.ours),
        "peer": _side(contest.peer, outcome.peer),
    }


def _side(side: Side, samples: tuple[Sample, ...]) -> dict[str, Any]:
    values = [sample.value for sample in samples]
    return {"label": side.label, "values": values, **_spread(Spread.of(values)), "details": median_details(samples)}


def _spread(spread: Spread) -> dict[str, float]:
    return {"median": spread.median, "min": spread.smallest, "max": spread.largest}
