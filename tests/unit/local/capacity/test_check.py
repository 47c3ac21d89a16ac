"""The simulation against a real run: `make capacity ARGS=--check` on a quiet machine of two cores wrote trial.json.

Four processes of notification at most, 764 deliveries to receivers that take four seconds, periods ten times shorter.
"""

from pathlib import Path

import pytest

from local.capacity.chart import draw_comparison
from local.capacity.check import Trial, compare

WITHIN = 0.1


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial.model_validate_json((Path(__file__).parent / "data" / "trial.json").read_bytes())


def test_predicted_and_seen_replicas_over_time_are_within_a_tenth(trial: Trial) -> None:
    found = compare(trial)
    assert found.difference <= WITHIN
    assert max(found.predicted.values()) == max(found.seen.values()) == trial.most
    assert found.predicted[max(found.predicted)] == found.seen[max(found.seen)] == 0


@pytest.mark.parametrize(
    ("change", "by"),
    [("service_s", 0.5), ("service_s", 1.5), ("start_s", 10.0), ("most", 0.5)],
)
def test_with_other_figures_than_the_measured_ones_they_are_not(trial: Trial, change: str, by: float) -> None:
    other = trial.model_copy(update={change: type(getattr(trial, change))(getattr(trial, change) * by)})
    assert compare(other).difference > WITHIN


def test_the_comparison_is_drawn(trial: Trial, tmp_path: Path) -> None:
    draw_comparison(compare(trial), tmp_path / "check.png")
    assert (tmp_path / "check.png").read_bytes().startswith(b"\x89PNG")
