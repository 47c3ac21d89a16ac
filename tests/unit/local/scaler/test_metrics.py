"""Triggers whose value comes from the clock or from a hub file."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.scaler.metrics import backlog, cron_replicas
from local.scaler.rules import RulesError

PEAK = {"timezone": "Europe/Berlin", "start": "45 4 * * 1-5", "end": "0 8 * * 1-5", "desiredReplicas": "3"}


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (datetime(2026, 11, 23, 3, 44, tzinfo=UTC), 0),
        (datetime(2026, 11, 23, 3, 46, tzinfo=UTC), 3),
        (datetime(2026, 11, 23, 6, 59, tzinfo=UTC), 3),
        (datetime(2026, 11, 23, 7, 1, tzinfo=UTC), 0),
        (datetime(2026, 11, 22, 5, 0, tzinfo=UTC), 0),
    ],
)
def test_a_known_peak_counts_in_its_own_time_zone(now: datetime, wanted: float) -> None:
    assert cron_replicas(PEAK, now) == wanted


def test_the_backlog_is_that_of_all_hubs_of_the_service_each_part_rounded_up(tmp_path: Path) -> None:
    for folder in ("processing", "processing-2", "reporting"):
        (tmp_path / folder).mkdir()
        with sqlite3.connect(tmp_path / folder / "platform.db") as hub:
            hub.execute("CREATE TABLE messages (instance_id TEXT)")
            hub.execute("CREATE TABLE timers (instance_id TEXT, fire_us INTEGER)")
            hub.execute("CREATE TABLE activities (instance_id TEXT)")
            hub.executemany("INSERT INTO messages VALUES (?)", [("a",), ("a",), ("b",)])
            hub.executemany("INSERT INTO timers VALUES (?, ?)", [("b", 1), ("c", 1), ("later", 2**62)])
            hub.execute("INSERT INTO activities VALUES ('a')")
    assert backlog(tmp_path, "processing", "SELECT dt.GetScaleRecommendation(4, 10)") == 2 + 1
    assert backlog(tmp_path, "audit", "SELECT dt.GetScaleRecommendation(4, 10)") == 0
    with pytest.raises(RulesError, match="SELECT 1"):
        backlog(tmp_path, "processing", "SELECT 1")
