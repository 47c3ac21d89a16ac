"""The state table of a report, row by row."""

from typing import get_args

import pytest

from functions.reporting.schemas import Status
from functions.reporting.state import OPEN, STEPS, may_become


@pytest.mark.parametrize(
    ("now", "then", "allowed"),
    [
        ("pending", "running", True),
        ("pending", "completed", False),
        ("pending", "failed", True),
        ("pending", "discarded", True),
        ("running", "running", True),
        ("running", "completed", True),
        ("running", "failed", True),
        ("running", "discarded", True),
        ("completed", "running", False),
        ("completed", "failed", False),
        ("completed", "discarded", True),
        ("failed", "completed", False),
        ("failed", "discarded", True),
        ("discarded", "running", False),
        ("discarded", "completed", False),
    ],
)
def test_a_report_takes_only_the_steps_of_the_table(now: Status, then: Status, allowed: bool) -> None:
    assert may_become(now, then) is allowed


def test_every_state_has_its_row() -> None:
    assert set(STEPS) == set(get_args(Status))


def test_a_report_is_made_only_in_open_states() -> None:
    assert {state for state in STEPS if may_become(state, "running")} == OPEN
