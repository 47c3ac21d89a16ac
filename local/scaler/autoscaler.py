"""What KEDA's operator and the HPA decide for one Deployment, as a pure function of the metrics and of time.

KEDA (keda.sh, concepts, "Scaling Deployments") goes between zero and one by activation and cooldown. From one on the
HPA computes the replicas (kubernetes/kubernetes, pkg/controller/podautoscaler/horizontal.go and replica_calculator.go):
each metric's total by its target, the largest wins; recommendations are stabilized over a window; policies bound what
may change within a period.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.scaler.rules import Direction, Policy, Rules

TOLERANCE = 0.1
"""A metric this near to its target changes nothing (--horizontal-pod-autoscaler-tolerance)."""


@dataclass
class Autoscaler:
    """The state between two looks. Times are seconds of any one clock; `replicas` is what the Deployment has."""

    rules: Rules
    replicas: int
    last_active_s: float = 0.0
    recommendations: list[tuple[float, int]] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)

    def step(self, now_s: float, values: Mapping[str, float]) -> int:
        """Take in the triggers' values, and give the replicas that there are to be from now on.

        A trigger without a value could not be read: it counts as active and asks for what there is.
        """
        active = any(values.get(trigger.name, math.inf) > trigger.activation for trigger in self.rules.triggers)
        if active:
            self.last_active_s = now_s
        wanted = self._wanted(now_s, values, active=active)
        if wanted != self.replicas:
            self.changes.append((now_s, wanted - self.replicas))
            self.replicas = wanted
        return wanted

    def _wanted(self, now_s: float, values: Mapping[str, float], *, active: bool) -> int:
        least = self.rules.min_replica_count
        if self.replicas == 0:
            self.recommendations.clear()
            return max(1, least) if active else least
        if not active and least == 0 and now_s - self.last_active_s >= self.rules.cooldown_period:
            return 0
        return self._by_hpa(now_s, values)

    def _by_hpa(self, now_s: float, values: Mapping[str, float]) -> int:
        desired = max(self._proposal(values.get(trigger.name), trigger.target) for trigger in self.rules.triggers)
        desired = self._stabilized(now_s, desired)
        least, most = max(1, self.rules.min_replica_count), self.rules.max_replica_count
        if desired > self.replicas:
            most = min(most, self._limit(now_s, self.rules.behavior.scale_up, up=True))
        elif desired < self.replicas:
            least = max(least, self._limit(now_s, self.rules.behavior.scale_down, up=False))
        return max(least, min(desired, most))

    def _proposal(self, value: float | None, target: float) -> int:
        if value is None or abs(1 - value / (target * self.replicas)) <= TOLERANCE:
            return self.replicas
        return math.ceil(value / target)

    def _stabilized(self, now_s: float, desired: int) -> int:
        """Up to the least, down to the most that was recommended within the direction's window."""
        behavior = self.rules.behavior
        up_s = behavior.scale_up.stabilization_window_seconds
        down_s = behavior.scale_down.stabilization_window_seconds
        self.recommendations = [item for item in self.recommendations if item[0] > now_s - max(up_s, down_s)]
        least = min([desired, *(count for at, count in self.recommendations if at > now_s - up_s)])
        most = max([desired, *(count for at, count in self.recommendations if at > now_s - down_s)])
        self.recommendations.append((now_s, desired))
        return min(max(self.replicas, least), most)

    def _limit(self, now_s: float, direction: Direction, *, up: bool) -> int:
        if direction.select_policy == "Disabled":
            return self.replicas
        limits = [self._allowed(now_s, policy, up=up) for policy in direction.policies]
        furthest = max if up == (direction.select_policy == "Max") else min
        return max(self.replicas, furthest(limits)) if up else min(self.replicas, furthest(limits))

    def _allowed(self, now_s: float, policy: Policy, *, up: bool) -> int:
        """How many replicas a policy allows now, by those that there were when its period began."""
        self.changes = [item for item in self.changes if item[0] > now_s - 3600]
        at_begin = self.replicas - sum(delta for at, delta in self.changes if at > now_s - policy.period_seconds)
        if policy.type == "Pods":
            return at_begin + policy.value if up else at_begin - policy.value
        if up:
            return math.ceil(at_begin * (1 + policy.value / 100))
        return int(at_begin * (1 - policy.value / 100))
