"""The report says which limit is met, and when."""

import pytest

from local.capacity.model import read_azure, read_today
from local.capacity.report import answer, points
from local.layout import ROOT


def test_limits_come_in_the_order_in_which_the_load_meets_them() -> None:
    found = points(read_today(), read_azure(), ROOT)
    assert [point.times for point in found] == sorted(point.times for point in found)
    names = " ".join(point.limit for point in found)
    for word in ("Service Bus", "Storage", "SQL", "SignalR", "AKS", "processing", "Envoy"):
        assert word in names


def test_ten_times_the_load_costs_more_and_needs_no_more_than_the_rules_allow_by_day() -> None:
    once, tenfold = (answer(read_today(), read_azure(), ROOT, times, events=3_000) for times in (0.2, 2.0))
    assert sum(tenfold.cost.values()) > sum(once.cost.values())
    assert tenfold.demand.messages == pytest.approx(once.demand.messages * 10)
    assert not [line for line in tenfold.lines if line.scenario == "day" and line.left]
