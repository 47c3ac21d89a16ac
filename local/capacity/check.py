"""The simulation held against what was seen: a trace of the local scaler, and the same arrivals simulated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from local.capacity.simulation import Rate, Service, Simulation, mean_difference
from local.scaler.scaling import Look


@dataclass(frozen=True)
class Comparison:
    """Replicas over time, seen and predicted, and how far they are apart as a share of the mean that was seen."""

    seen: dict[float, int]
    predicted: dict[float, int]

    @property
    def difference(self) -> float:
        """0: the same at all times."""
        return mean_difference(self.seen, self.predicted)


def compare(service: Service, arrivals: Rate, looks: Sequence[Look], *, replicas: int, seeds: int = 5) -> Comparison:
    """Simulate the arrivals of a trace and lay the replicas beside those that were seen.

    The middle one of several runs is taken: one run of a random process says little.
    """
    seen = {look.at_s: look.replicas for look in looks}
    duration_s = max(seen)
    runs = []
    for seed in range(1, seeds + 1):
        outcome = Simulation(service, arrivals, duration_s, replicas=replicas, seed=seed).run()
        predicted = {sample.at_s: sample.replicas for sample in outcome.samples}
        runs.append(Comparison(seen, predicted))
    return sorted(runs, key=lambda run: run.difference)[math.floor(seeds / 2)]
