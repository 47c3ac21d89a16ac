"""The simulation agrees with queueing theory where that has an answer, and with the autoscaler elsewhere."""

import math
from typing import Any

import pytest

from local.capacity.fluid import Flow
from local.capacity.simulation import Loss, Rate, Service, Simulation, daily, mean_difference, steady, with_bursts
from local.scaler.rules import Rules, Trigger

DEPTH = Trigger(type="azure-queue", name="depth", metadata={"queueLength": "4"})


def service(most: int = 10, least: int = 0, **changes: float) -> Service:
    rules = Rules.model_validate(
        {
            "service": "s",
            "polling_interval": 15,
            "min_replica_count": least,
            "max_replica_count": most,
            "triggers": (DEPTH,),
        }
    )
    usual: dict[str, float] = {"service_s": 1.0, "servers": 1, "start_s": 20.0}
    return Service(rules, **{**usual, **changes})  # type: ignore[arg-type]


def test_one_server_waits_as_the_formula_of_pollaczek_and_khinchine_has_it() -> None:
    """Mean time in an M/G/1 queue: S + rho * S * (1 + cv^2) / (2 * (1 - rho)); here rho 0.5, cv 0.5."""
    one = service(most=1, least=1, variation=0.5)
    times = Simulation(one, steady(0.5), 60_000).run().times_s
    assert sum(times) / len(times) == pytest.approx(1 + 0.5 * 1.25 / 1, rel=0.05)


def test_work_beyond_one_replica_brings_more_and_then_none() -> None:
    outcome = Simulation(service(), lambda at: 3.0 if at < 600 else 0.0, 3000).run()
    assert outcome.most_replicas >= 3
    assert outcome.samples[-1].wanted == 0
    assert outcome.left == 0


def test_a_load_beyond_the_most_replicas_is_never_done() -> None:
    outcome = Simulation(service(most=2), steady(4.0), 3600).run()
    assert outcome.left > 0
    assert math.isinf(outcome.percentile_s(0.99))


@pytest.mark.parametrize(
    ("rate", "changes"),
    [
        (steady(9.0), {"servers": 4, "least": 1}),
        (steady(18.0), {"servers": 4}),
        (lambda at: 12.0 if 600 <= at < 1500 else 2.0, {"servers": 4, "least": 1}),
        (lambda at: 40.0 if at < 900 else 0.0, {"servers": 4, "most": 5}),
    ],
)
def test_what_flows_gives_the_replicas_and_times_of_single_units(rate: Rate, changes: dict[str, Any]) -> None:
    units = Simulation(service(**changes), rate, 3600).run()
    flow = Flow(service(**changes), rate, 3600).run()
    assert flow.mean_replicas == pytest.approx(units.mean_replicas, rel=0.15)
    assert flow.most_replicas == pytest.approx(units.most_replicas, abs=1)
    assert sum(flow.weights) == pytest.approx(len(units.times_s), rel=0.1)
    for share in (0.5, 0.95):
        assert flow.percentile_s(share) == pytest.approx(units.percentile_s(share), rel=0.3, abs=0.5)


def test_what_a_lost_zone_had_in_hand_comes_back_when_it_flows_too() -> None:
    loss = Loss(at_s=1800, share=1 / 3, start_s=240)
    outcome = Flow(service(least=3, servers=4), steady(8.0), 5400, replicas=3, loss=loss).run()
    assert min(sample.replicas for sample in outcome.samples if sample.at_s > 1800) == 2
    assert outcome.samples[-1].replicas >= 3
    assert outcome.left < 10


def test_the_loss_of_a_zone_is_made_up_by_new_replicas() -> None:
    loss = Loss(at_s=1800, share=1 / 3, start_s=240)
    outcome = Simulation(service(least=3), steady(2.0), 5400, replicas=3, loss=loss).run()
    before = [sample.replicas for sample in outcome.samples if sample.at_s < 1800]
    just_after = next(sample.replicas for sample in outcome.samples if sample.at_s > 1800)
    assert just_after < before[-1]
    assert outcome.left < 10
    assert outcome.percentile_s(0.5) < 60


def test_rates_over_the_day_and_in_bursts() -> None:
    day = daily(10.0)
    assert day(10 * 3600) == pytest.approx(10.0)
    assert day(22 * 3600) == pytest.approx(1.0)
    burst = with_bursts(steady(2.0), 5, every_s=100, lasting_s=10)
    assert (burst(105), burst(150)) == (10.0, 2.0)


def test_step_functions_are_compared_over_time() -> None:
    seen = {0.0: 1, 10.0: 2, 20.0: 2}
    assert mean_difference(seen, seen) == 0
    assert mean_difference(seen, {0.0: 1, 20.0: 2}) == pytest.approx(10 / 30)
