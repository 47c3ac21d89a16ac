"""The report says which limit is met, and when."""

import re

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


def test_no_replica_has_more_in_hand_than_its_settings_allow() -> None:
    for name, load in read_today().services.items():
        settings = (ROOT / "keda" / "base" / name / "settings.env").read_text()
        allowed = re.search(r"serviceBus__maxConcurrentCalls=(\d+)", settings)
        assert bool(load.queues) == bool(allowed), name
        assert allowed is None or load.servers <= int(allowed[1]), name


def test_too_few_replicas_are_named_with_how_many_the_peak_needs() -> None:
    found = answer(read_today(), read_azure(), ROOT, 300.0, events=2_000)
    [told] = [line for line in found.met if line.startswith("processing: maxReplicaCount")]
    needed = re.search(r"([\d,]+) for the peak", told)
    assert needed is not None, told
    assert int(needed[1].replace(",", "")) == pytest.approx(300 * 0.35 / 2 / 0.7, abs=1)
