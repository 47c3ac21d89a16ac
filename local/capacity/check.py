"""The simulation held against what was seen: a trial of the local scaler, and the same arrivals simulated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from local.capacity.simulation import Service, Simulation, mean_difference
from local.layout import ROOT
from local.scaler.rules import Rules, read_rules
from local.scaler.scaling import Look

SERVICE, QUEUE = "notification", "notification-deliveries"
BATCH, REFILL_AT = 16, 8
"""host.json: batchSize, and newBatchThreshold: so many more are in hand at once."""

SEEDS = 5


class Trial(BaseModel):
    """What a real run gave. Times are seconds of the rules.

    `arrivals_s`: when each delivery came to its queue; `service_s`, `variation`: the mean time that one was in hand,
    and its coefficient of variation; `start_s`: the mean time from a process' start to its being ready; `most`: the
    most processes that there were allowed to be.
    """

    model_config = ConfigDict(frozen=True)

    looks: tuple[Look, ...]
    arrivals_s: tuple[float, ...]
    service_s: float
    variation: float
    start_s: float
    most: int


@dataclass(frozen=True)
class Comparison:
    """Over time, seen and predicted: replicas that serve, and the depth that the scaler sees."""

    seen: Mapping[float, int]
    predicted: Mapping[float, int]
    depth_seen: Mapping[float, float]
    depth_predicted: Mapping[float, float]

    @property
    def difference(self) -> float:
        """The mean over time of |predicted - seen|, by the mean of seen; 0: the same at all times."""
        return mean_difference(self.seen, self.predicted)


def compare(trial: Trial, keda: Path = ROOT / "keda") -> Comparison:
    """Simulate the arrivals of a trial and lay the replicas beside those that were seen.

    Of several runs of the simulation, which differ in their random service times, the middle one is taken.
    """
    service = Service(
        _rules(read_rules(keda)[SERVICE], trial.most),
        trial.service_s,
        BATCH + REFILL_AT,
        trial.start_s,
        trial.variation,
        BATCH,
    )
    runs = [_comparison(trial, service, seed) for seed in range(1, SEEDS + 1)]
    return sorted(runs, key=lambda run: run.difference)[SEEDS // 2]


def _comparison(trial: Trial, service: Service, seed: int) -> Comparison:
    # Longer than what was seen, which ends with no replica: one that is predicted still to be there counts.
    lasted_s = 1.5 * max(look.at_s for look in trial.looks)
    samples = Simulation(service, trial.arrivals_s, lasted_s, replicas=1, seed=seed).run().samples
    return Comparison(
        {look.at_s: look.replicas for look in trial.looks},
        {sample.at_s: sample.replicas for sample in samples},
        {look.at_s: look.values.get(QUEUE, 0.0) for look in trial.looks},
        {sample.at_s: sample.values[QUEUE] for sample in samples},
    )


def _rules(rules: Rules, most: int) -> Rules:
    """The triggers that speak of the simulated work: the other queues stay nearly empty."""
    triggers = tuple(trigger for trigger in rules.triggers if trigger.name in (QUEUE, "edge-requests"))
    return rules.model_copy(update={"triggers": triggers, "max_replica_count": most})
