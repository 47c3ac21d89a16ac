"""The same service at rates where single units can't be simulated any more: work flows, step by step.

What differs from the discrete simulation: arrivals of a step are one normal draw, replicas serve at their full rate
while something waits, and where nothing does the wait is that of an M/G/c queue (Sakasegawa 1977, "An approximation
formula for Lq", with the mean of both variations). The autoscaler is the very same.
"""

import math
import random
from collections import deque

from local.capacity.simulation import LEASE_S, Loss, Outcome, Rate, Sample, Service, depth_seen
from local.scaler.autoscaler import Autoscaler

STEPS = 20_000
"""In a run: an hour by the second, a day by four; looks are fifteen seconds apart."""


class Flow:
    """One run. `arrivals` is a rate over time; the same seed gives the same run."""

    def __init__(
        self,
        service: Service,
        arrivals: Rate,
        duration_s: float,
        *,
        replicas: int = 1,
        loss: Loss | None = None,
        seed: int = 1,
    ) -> None:
        self._service, self._arrivals, self._duration_s, self._loss = service, arrivals, duration_s, loss
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._step_s = max(1.0, duration_s / STEPS)
        self._autoscaler = Autoscaler(service.rules, replicas)
        self._ready, self._start_s = replicas, service.start_s
        self._starting: deque[float] = deque()
        self._waiting: deque[tuple[float, float]] = deque()
        """When some units came, and how many of them still wait; oldest first."""
        self._backlog = self._in_hand = self._arrived = 0.0
        self._back: list[tuple[float, float]] = []
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Run to the end."""
        next_look_s = 0.0
        for step in range(int(self._duration_s / self._step_s)):
            now = step * self._step_s
            if self._loss is not None and now <= self._loss.at_s < now + self._step_s:
                self._lose(now, self._loss)
            while self._starting and self._starting[0] <= now:
                self._starting.popleft()
                self._ready += 1
            self._flow(now)
            if now >= next_look_s:
                self._look(now)
                next_look_s += self._service.rules.polling_interval
        self.outcome.left = int(self._backlog)
        return self.outcome

    def _flow(self, now: float) -> None:
        """What comes within a step, and what is done of it."""
        mean = self._arrivals(now) * self._step_s
        came = max(0.0, self._random.gauss(mean, math.sqrt(mean))) if mean > 0 else 0.0
        came += sum(amount for at, amount in self._back if now - self._step_s < at <= now)
        self._arrived = came / self._step_s
        self._waiting.append((now, came))
        able = self._ready * self._service.servers / self._service.service_s * self._step_s
        served = min(self._backlog + came, able)
        self._backlog = max(0.0, self._backlog + came - served)
        self._in_hand = served / self._step_s * self._service.service_s
        self._tell(now, served, able)

    def _tell(self, now: float, served: float, able: float) -> None:
        """The times of those that were served: the oldest first."""
        busy = min(served / able, 0.999) if able else 0.0
        wait_s = 0.0 if self._backlog > 0 or not able else self._queue_wait(busy)
        while served > 0 and self._waiting:
            came_at, amount = self._waiting[0]
            part = min(amount, served)
            served -= part
            took = self._service.service_s * self._spread()
            self.outcome.times_s.append(now - came_at + wait_s + took)
            self.outcome.weights.append(part)
            if part < amount:
                self._waiting[0] = (came_at, amount - part)
            else:
                self._waiting.popleft()

    def _queue_wait(self, busy: float) -> float:
        servers = self._ready * self._service.servers
        variation = (1 + self._service.variation**2) / 2
        return (
            variation
            * math.pow(busy, math.sqrt(2 * (servers + 1)) - 1)
            / (servers * (1 - busy))
            * self._service.service_s
        )

    def _spread(self) -> float:
        variance = math.log1p(self._service.variation**2)
        return math.exp(self._random.gauss(-variance / 2, math.sqrt(variance)))

    def _look(self, now: float) -> None:
        triggers = self._service.rules.triggers
        values = {
            trigger.name: depth_seen(trigger, triggers, self._backlog, self._in_hand, self._arrived)
            for trigger in triggers
        }
        there = self._ready + len(self._starting)
        wanted = self._autoscaler.step(now, values)
        self._starting.extend([now + self._start_s] * max(0, wanted - there))
        for _ in range(there - wanted):
            if self._starting:
                self._starting.pop()
            else:
                self._ready -= 1
        self.outcome.samples.append(Sample(now, self._backlog, self._ready, wanted, values))

    def _lose(self, now: float, loss: Loss) -> None:
        gone = math.ceil(self._ready * loss.share)
        self._back.append((now + LEASE_S, self._in_hand * gone / max(1, self._ready)))
        self._ready -= gone
        self._start_s = loss.start_s
