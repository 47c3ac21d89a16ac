"""The answers: replicas, waiting times, limits and cost for each multiple of today's load."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from local.capacity.fluid import Flow
from local.capacity.model import HOURS_A_MONTH, SECONDS_A_MONTH, Azure, Demand, Today, demand, services
from local.capacity.simulation import Loss, Outcome, Rate, Service, Simulation, daily, steady, with_bursts

DAY_S = 86_400.0
HOUR_S = 3_600.0
EVENTS_AT_MOST = 30_000
TOO_LONG_S = 60.0
ZONE = "zone lost"
HEADROOM = 0.7
"""How busy replicas may be for their work not to wait."""

MEAN_OF_PEAK = 0.55
"""The mean of the daily curve, as a share of its peak."""


class Line(BaseModel):
    """One service under one load."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    service: str
    mean_replicas: float
    most_replicas: int
    allowed_replicas: int
    p50_s: float
    p95_s: float
    p99_s: float
    left: int

    @property
    def is_full(self) -> bool:
        """Whether the most replicas that the rules allow were not enough: work waited for a minute and longer."""
        return self.most_replicas >= self.allowed_replicas and self.p95_s >= TOO_LONG_S


class Answer(BaseModel):
    """Everything for one multiple of today's load. `cost` is in US dollars a month, by part."""

    model_config = ConfigDict(frozen=True)

    times: float
    lines: tuple[Line, ...]
    demand: Demand
    met: tuple[str, ...]
    cost: Mapping[str, float]


def answer(today: Today, azure: Azure, root: Path, times: float, events: int = EVENTS_AT_MOST) -> Answer:
    """Simulate a day, an hour of bursts and the loss of a zone at the peak, at so many times today's load.

    `events`: with more arrivals in a run than these it flows (fluid.py).
    """
    found = services(today, root / "keda")
    cores = {name: _cores(root, name) for name in found}
    lines: list[Line] = []
    for name, service in found.items():
        peak = today.services[name].peak_per_second * times
        for scenario, outcome in _scenarios(service, peak, today, events):
            lines.append(_line(scenario, name, service, outcome))
    at_peak = {line.service: float(line.most_replicas) for line in lines if line.scenario == "day"}
    mean = {line.service: line.mean_replicas for line in lines if line.scenario == "day"}
    node = azure.prices.node_cores
    asked = demand(today, times, at_peak, cores, node)
    return Answer(
        times=times,
        lines=tuple(lines),
        demand=asked,
        met=tuple(
            _met(azure, asked, lines, {name: load.busy_replicas * times for name, load in today.services.items()})
        ),
        cost=_cost(azure, demand(today, times, mean, cores, node), asked),
    )


class Point(BaseModel):
    """The multiple of today's load at which a limit is met, and what to change then."""

    model_config = ConfigDict(frozen=True)

    times: float
    limit: str
    change: str


def points(today: Today, azure: Azure, root: Path) -> list[Point]:
    """Every limit in the order in which a growing load meets it; of the edge one instance, too."""
    found = services(today, root / "keda")
    busy = {name: load.busy_replicas for name, load in today.services.items()}
    cores = {name: _cores(root, name) for name in found}
    once = demand(today, 1.0, busy, cores, azure.prices.node_cores).model_copy(
        update={"nodes": sum(busy[name] * cores[name] for name in busy) / azure.prices.node_cores}
    )
    met = [Point(times=limit.per_second / once.of(limit.of), limit=limit.name, change=limit.change)
           for limit in azure.limits]  # fmt: skip
    for name, service in found.items():
        most = service.rules.max_replica_count
        limit = f"{name}: {most} replicas (maxReplicaCount)"
        met.append(Point(times=most / busy[name], limit=limit, change="raise it, and the node pool with it"))
    edge = today.edge.per_instance / today.edge.requests_per_second
    met.append(Point(times=edge, limit="one Envoy of the edge", change="nothing: its own rule adds instances"))
    return sorted(met, key=lambda point: point.times)


def _scenarios(service: Service, peak: float, today: Today, events: int) -> Iterator[tuple[str, Outcome]]:
    yield "day", _run(service, daily(peak), DAY_S, peak * MEAN_OF_PEAK, events)
    yield "bursts", _run(service, with_bursts(steady(peak / 2), 10, 1200, 60), HOUR_S, peak, events)
    at_peak = max(1, math.ceil(peak * service.service_s / service.servers / HEADROOM))
    loss = Loss(at_s=HOUR_S / 2, share=1 / 3, start_s=today.new_node_seconds)
    yield ZONE, _run(service, steady(peak), HOUR_S, peak, events, replicas=at_peak, loss=loss)


def _run(
    service: Service,
    rate: Rate,
    duration_s: float,
    mean: float,
    events: int,
    *,
    replicas: int = 1,
    loss: Loss | None = None,
) -> Outcome:
    least = max(replicas, service.rules.min_replica_count)
    start = min(least, service.rules.max_replica_count)
    if mean * duration_s > events:
        return Flow(service, rate, duration_s, replicas=start, loss=loss).run()
    return Simulation(service, rate, duration_s, replicas=start, loss=loss).run()


def _line(scenario: str, name: str, service: Service, outcome: Outcome) -> Line:
    return Line(
        scenario=scenario,
        service=name,
        mean_replicas=round(outcome.mean_replicas, 2),
        most_replicas=outcome.most_replicas,
        allowed_replicas=service.rules.max_replica_count,
        p50_s=outcome.percentile_s(0.5),
        p95_s=outcome.percentile_s(0.95),
        p99_s=outcome.percentile_s(0.99),
        left=outcome.left,
    )


def _met(azure: Azure, asked: Demand, lines: list[Line], busy: Mapping[str, float]) -> Iterator[str]:
    """Each limit that is met, with what to change."""
    for limit in azure.limits:
        steps = math.ceil(asked.of(limit.of) / limit.per_second)
        if steps > 1:
            beyond = "" if steps <= limit.steps else f", beyond the {limit.steps} that there are"
            yield f"{limit.name}: {steps} of it are needed{beyond}: {limit.change}"
    for service in dict.fromkeys(line.service for line in lines):
        yield from _of_service(service, [line for line in lines if line.service == service], busy[service])


def _of_service(service: str, lines: Sequence[Line], busy: float) -> Iterator[str]:
    """Whether its most replicas are too few, and whether its least would outlive the loss of a zone."""
    needed = math.ceil(busy / HEADROOM)
    enough = needed <= lines[0].allowed_replicas
    full = [line for line in lines if line.is_full and not (enough and line.scenario == ZONE)]
    if full:
        when = ", ".join(line.scenario for line in full)
        words = f"{needed:,} do for the peak, not for this" if enough else f"{needed:,} for the peak"
        yield f"{service}: maxReplicaCount {full[0].allowed_replicas} is too small ({when}): {words}"
    lost = next(line for line in lines if line.scenario == ZONE)
    if needed == 1 and lost.p99_s >= TOO_LONG_S:
        yield f"{service}: when the one replica's zone goes, work waits {lost.p99_s:.0f} s (p99): a second outlives it"


def _cost(azure: Azure, mean: Demand, peak: Demand) -> dict[str, float]:
    prices = azure.prices
    units = max(1, math.ceil(peak.messages / 4000))
    sql_cores = max(2.0, 8.0 * peak.turns / 2500)
    cost = {
        "nodes": max(3.0, mean.nodes) * prices.node_hour * HOURS_A_MONTH,
        "Service Bus": units * prices.messaging_unit_hour * HOURS_A_MONTH,
        "SQL": math.ceil(sql_cores) * prices.sql_core_hour * HOURS_A_MONTH,
        "storage": peak.operations * MEAN_OF_PEAK * SECONDS_A_MONTH / 1e6 * prices.million_operations,
        "SignalR": max(1, math.ceil(peak.pushes / 1000)) * prices.signalr_unit_day * 30,
        "fixed": prices.fixed_month,
    }
    return {name: round(value, 2) for name, value in cost.items()}


def _cores(root: Path, service: str) -> float:
    """The CPU that a pod of the service requests in its Deployment."""
    document = YAML(typ="safe", pure=True).load((root / "keda" / "base" / service / "deployment.yaml").read_text())
    asked = str(document["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
    return float(asked.removesuffix("m")) / 1000 if asked.endswith("m") else float(asked)
