"""A discrete-event simulation of one service: arrivals, replicas that serve them, and the very autoscaler that runs.

Work arrives in groups of `grain` units so that a thousand times the load costs no more events. A group occupies a
server for as long as its units would one after the other; what is told of is the time of one of its units.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise

from local.scaler.autoscaler import Autoscaler
from local.scaler.rules import Rules, Trigger

Rate = Callable[[float], float]
"""Units a second at a time of the simulation."""

RATE_WINDOW_S = 60.0
QUEUES = frozenset({"azure-queue", "azure-servicebus"})


@dataclass(frozen=True)
class Service:
    """What a service is to the simulation.

    `service_s` is the mean time of one unit on one server, of a lognormal distribution with this coefficient of
    variation; a replica has `servers` of them; a new one serves after `start_s`.
    """

    rules: Rules
    service_s: float
    servers: int
    start_s: float
    variation: float = 0.5


@dataclass(frozen=True)
class Sample:
    """One look: the time, what waits (units), replicas that serve, and replicas that are wanted."""

    at_s: float
    waiting: float
    replicas: int
    wanted: int


@dataclass
class Outcome:
    """What a run gave: the looks, the seconds from arrival to end of a unit of each group, and groups never begun."""

    samples: list[Sample] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    left: int = 0

    def percentile_s(self, share: float) -> float:
        """The time below which that share of the work was done; infinite when some never was."""
        if not self.times_s or self.left > len(self.times_s) * (1 - share):
            return math.inf if self.left else 0.0
        ordered = sorted(self.times_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def mean_replicas(self) -> float:
        """Replicas over time, which is what is paid for."""
        return sum(sample.wanted for sample in self.samples) / max(1, len(self.samples))

    @property
    def most_replicas(self) -> int:
        """The most that there were at once."""
        return max((sample.wanted for sample in self.samples), default=0)


@dataclass(frozen=True)
class Loss:
    """A zone that goes: at this time that share of the replicas is gone, and new ones start late (new nodes)."""

    at_s: float
    share: float
    start_s: float


class Simulation:
    """One run. `arrivals` gives the rate over time; the same seed gives the same run."""

    def __init__(
        self,
        service: Service,
        arrivals: Rate,
        duration_s: float,
        *,
        replicas: int = 1,
        loss: Loss | None = None,
        grain: int = 1,
        seed: int = 1,
    ) -> None:
        self._service, self._arrivals, self._duration_s = service, arrivals, duration_s
        self._loss, self._grain = loss, grain
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._autoscaler = Autoscaler(service.rules, replicas)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._queue: deque[float] = deque()
        self._ready, self._starting, self._busy = replicas, 0, 0
        self._start_s = service.start_s
        self._arrived: deque[float] = deque()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Run to the end."""
        self._at(0.0, self._look)
        self._next_arrival(0.0)
        if self._loss is not None:
            self._at(self._loss.at_s, self._lose)
        while self._events:
            now, _, event = heapq.heappop(self._events)
            if now > self._duration_s:
                break
            event(now)
        self.outcome.left = len(self._queue)
        return self.outcome

    def _at(self, time_s: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time_s, next(self._order), event))

    def _next_arrival(self, now: float) -> None:
        rate = self._arrivals(now) / self._grain
        if rate <= 0:
            self._at(now + 1.0, self._next_arrival)
        else:
            self._at(now + min(self._random.expovariate(rate), 60.0), self._arrive)

    def _arrive(self, now: float) -> None:
        self._queue.append(now)
        self._arrived.append(now)
        self._serve(now)
        self._next_arrival(now)

    def _serve(self, now: float) -> None:
        while self._queue and self._busy < self._ready * self._service.servers:
            arrived = self._queue.popleft()
            self._busy += 1
            took = self._service.service_s * self._spread()
            self.outcome.times_s.append(now - arrived + took)
            self._at(now + self._grain * took, self._finish)

    def _finish(self, now: float) -> None:
        self._busy -= 1
        self._serve(now)

    def _spread(self) -> float:
        """One of a lognormal distribution with mean 1; a group's units even each other out."""
        variance = math.log1p(self._service.variation**2 / self._grain)
        return math.exp(self._random.gauss(-variance / 2, math.sqrt(variance)))

    def _look(self, now: float) -> None:
        wanted = self._autoscaler.step(
            now, {trigger.name: self._value(trigger, now) for trigger in self._rules.triggers}
        )
        there = self._ready + self._starting
        if wanted > there:
            for _ in range(wanted - there):
                self._starting += 1
                self._at(now + self._start_s, self._start)
        elif wanted < there:
            self._ready = max(0, self._ready - (there - wanted))  # what is in hand is finished (drain)
        self.outcome.samples.append(Sample(now, len(self._queue) * self._grain, self._ready, wanted))
        self._at(now + self._rules.polling_interval, self._look)

    def _start(self, now: float) -> None:
        self._starting -= 1
        self._ready += 1
        self._serve(now)

    def _lose(self, now: float) -> None:
        assert self._loss is not None  # noqa: S101 - only then it is put in
        self._ready -= math.ceil(self._ready * self._loss.share)
        self._start_s = self._loss.start_s

    def _value(self, trigger: Trigger, now: float) -> float:
        waiting = len(self._queue) * self._grain
        if trigger.type == "azure-servicebus":  # active messages: locked ones count, too
            return float(waiting + self._busy * self._grain) / self._partitions
        if trigger.type == "azure-queue":
            return float(waiting) / self._partitions
        if trigger.type == "prometheus":
            while self._arrived and self._arrived[0] < now - RATE_WINDOW_S:
                self._arrived.popleft()
            return len(self._arrived) * self._grain / RATE_WINDOW_S
        return 0.0

    @property
    def _rules(self) -> Rules:
        return self._service.rules

    @property
    def _partitions(self) -> int:
        return sum(trigger.type in QUEUES for trigger in self._rules.triggers) or 1


def only(rules: Rules, *types: str) -> Rules:
    """The rules with the triggers of these types alone."""
    return rules.model_copy(update={"triggers": tuple(trigger for trigger in rules.triggers if trigger.type in types)})


def steady(rate: float) -> Rate:
    """The same rate at all times."""
    return lambda _: rate


def daily(peak: float) -> Rate:
    """A working day: the peak at 10:00 UTC, a tenth of it twelve hours later, a cosine between."""
    return lambda at_s: peak * (0.55 + 0.45 * math.cos(2 * math.pi * (at_s / 86_400 - 10 / 24)))


def with_bursts(base: Rate, times: float, every_s: float, lasting_s: float) -> Rate:
    """The base rate, and regularly for a while so many times of it."""
    return lambda at_s: base(at_s) * (times if at_s % every_s < lasting_s else 1.0)


def mean_difference(one: Mapping[float, int], other: Mapping[float, int]) -> float:
    """How far two step functions over the same times are apart, as a share of the first one's mean."""
    times = sorted({*one, *other})
    apart = total = 0.0
    left = right = 0
    for at, until in pairwise(times):
        left, right = one.get(at, left), other.get(at, right)
        apart += abs(left - right) * (until - at)
        total += left * (until - at)
    return apart / total if total else 0.0
