"""A discrete-event simulation of one service: arrivals, replicas that serve them, and the very autoscaler that runs.

At rates that make too many events, fluid.py goes on.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise

from local.scaler.autoscaler import Autoscaler
from local.scaler.rules import Rules, Trigger

Rate = Callable[[float], float]
"""Units a second at a time of the simulation."""

RATE_WINDOW_S = 60.0
RATE_HOLDS_S = 5.0
LEASE_S = 60.0
"""After so long a message comes back from one who died with it (Service Bus' lock, infra/bicep; the host's lease)."""

PEEKED = 32
"""Up to here KEDA's `visibleonly` counts exactly; beyond, messages in hand count, too."""

QUEUES = frozenset({"azure-queue", "azure-servicebus"})


@dataclass(frozen=True)
class Service:
    """What a service is to the simulation.

    `service_s` is the mean time of one unit on one server, of a lognormal distribution with this coefficient of
    variation; a replica has `servers` of them; a new one serves after `start_s`. Up to `batch` units are fetched at
    once, whenever all of them would find a server: the Functions host's batchSize, with newBatchThreshold as the rest.
    """

    rules: Rules
    service_s: float
    servers: int
    start_s: float
    variation: float = 0.5
    batch: int = 1


@dataclass(frozen=True)
class Sample:
    """One look: the time, what waits (units), replicas that serve, and that are wanted, and what the triggers say."""

    at_s: float
    waiting: float
    replicas: int
    wanted: int
    values: Mapping[str, float]


@dataclass
class Outcome:
    """What a run gave: the looks, the seconds from arrival to end of units, and how many were never begun.

    `weights`: how many units each of the times is of; empty: one each.
    """

    samples: list[Sample] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    left: int = 0

    def percentile_s(self, share: float) -> float:
        """The time below which that share of the work was done; infinite when some never was."""
        weights = self.weights or [1.0] * len(self.times_s)
        done = sum(weights)
        if not done or self.left > (done + self.left) * (1 - share):
            return math.inf if self.left else 0.0
        below, limit = 0.0, share * done
        for took, weight in sorted(zip(self.times_s, weights, strict=True)):
            below += weight
            if below >= limit:
                return took
        return max(self.times_s)

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


@dataclass(eq=False)
class Replica:
    """One that serves: how many units it has in hand, and whether it was lost with them."""

    busy: int = 0
    is_lost: bool = False


class Simulation:
    """One run. `arrivals` are a rate over time or the very times; the same seed gives the same run."""

    def __init__(
        self,
        service: Service,
        arrivals: Rate | Sequence[float],
        duration_s: float,
        *,
        replicas: int = 1,
        loss: Loss | None = None,
        seed: int = 1,
    ) -> None:
        self._service, self._duration_s = service, duration_s
        self._loss = loss
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._arrivals = self._at_rate(arrivals) if callable(arrivals) else iter(sorted(arrivals))
        self._autoscaler = Autoscaler(service.rules, replicas)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._queue: deque[float] = deque()
        self._replicas = [Replica() for _ in range(replicas)]
        self._starting, self._start_s = 0, service.start_s
        self._arrived: deque[float] = deque()
        self._given_up, self._lost_at = 0, 0.0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Run to the end."""
        self._at(0.0, self._look)
        self._await_arrival()
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

    def _at_rate(self, rate: Rate) -> Iterator[float]:
        """Times of a Poisson process; the rate is asked for again after some seconds without an arrival."""
        now = 0.0
        while now <= self._duration_s:
            present = rate(now)
            gap_s = self._random.expovariate(present) if present > 0 else math.inf
            now += min(gap_s, RATE_HOLDS_S)
            if gap_s <= RATE_HOLDS_S:
                yield now

    def _await_arrival(self) -> None:
        if (at := next(self._arrivals, None)) is not None:
            self._at(at, self._arrive)

    def _arrive(self, now: float) -> None:
        waited = bool(self._queue)  # then nobody has room: who has it fetches at once
        self._queue.append(now)
        self._arrived.append(now)
        if not waited:
            self._serve(now)
        self._await_arrival()

    def _serve(self, now: float) -> None:
        """Each replica, in any order, fetches while it has room and something waits."""
        if not self._queue or not self._replicas:
            return
        first = self._random.randrange(len(self._replicas))
        for replica in (*self._replicas[first:], *self._replicas[:first]):
            self._fetch(replica, now)
            if not self._queue:
                return

    def _fetch(self, replica: Replica, now: float) -> None:
        while self._queue and replica.busy <= self._service.servers - self._service.batch:
            for _ in range(min(self._service.batch, len(self._queue))):
                self._begin(replica, self._queue.popleft(), now)

    def _begin(self, replica: Replica, arrived: float, now: float) -> None:
        replica.busy += 1
        took = self._service.service_s * self._spread()
        self._at(now + took, lambda at: self._finish(replica, arrived, at))

    def _finish(self, replica: Replica, arrived: float, now: float) -> None:
        if replica.is_lost:
            self._at(max(now, self._lost_at + LEASE_S), lambda at: self._come_back(arrived, at))
            return
        replica.busy -= 1
        self.outcome.times_s.append(now - arrived)
        if replica in self._replicas:
            self._fetch(replica, now)

    def _come_back(self, arrived: float, now: float) -> None:
        self._queue.appendleft(arrived)
        self._serve(now)

    def _spread(self) -> float:
        """One of a lognormal distribution with mean 1."""
        variance = math.log1p(self._service.variation**2)
        return math.exp(self._random.gauss(-variance / 2, math.sqrt(variance)))

    def _look(self, now: float) -> None:
        values = {trigger.name: self._value(trigger, now) for trigger in self._rules.triggers}
        serving = len(self._replicas)
        wanted = self._autoscaler.step(now, values)
        for _ in range(wanted - serving - self._starting):
            self._starting += 1
            self._at(now + self._start_s, self._start)
        # What is in hand is finished (drain); one that is still starting is not waited for.
        self._starting -= (begun := max(0, min(self._starting, serving + self._starting - wanted)))
        self._given_up += begun
        del self._replicas[max(0, wanted - self._starting) :]
        self.outcome.samples.append(Sample(now, len(self._queue), serving, wanted, values))
        self._at(now + self._rules.polling_interval, self._look)

    def _start(self, now: float) -> None:
        if self._given_up:
            self._given_up -= 1
            return
        self._starting -= 1
        self._replicas.append(Replica())
        self._serve(now)

    def _lose(self, now: float) -> None:
        assert self._loss is not None  # noqa: S101 - only then it is put in
        gone = math.ceil(len(self._replicas) * self._loss.share)
        for replica in self._replicas[:gone]:
            replica.is_lost = True
        del self._replicas[:gone]
        self._lost_at, self._start_s = now, self._loss.start_s

    def _value(self, trigger: Trigger, now: float) -> float:
        while self._arrived and self._arrived[0] < now - RATE_WINDOW_S:
            self._arrived.popleft()
        rate = len(self._arrived) / RATE_WINDOW_S
        return depth_seen(trigger, self._rules.triggers, len(self._queue), self._in_hand, rate)

    @property
    def _in_hand(self) -> int:
        return sum(replica.busy for replica in self._replicas)

    @property
    def _rules(self) -> Rules:
        return self._service.rules


def depth_seen(trigger: Trigger, triggers: Sequence[Trigger], waiting: float, in_hand: float, rate: float) -> float:
    """What a trigger says: of queues the depth, shared out evenly among them; of requests their rate."""
    if trigger.type == "prometheus":
        return rate
    if trigger.type not in QUEUES:
        return 0.0
    # Service Bus' active messages are those in hand, too; in a storage queue they count beyond what is peeked.
    counts_all = trigger.type == "azure-servicebus" or waiting >= PEEKED
    return float(waiting + counts_all * in_hand) / sum(other.type in QUEUES for other in triggers)


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
