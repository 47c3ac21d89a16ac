"""The loop: read the metrics, decide, start and stop, write down what was seen."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Self

import orjson
from pydantic import BaseModel, ConfigDict

from local.platform import Platform
from local.scaler.autoscaler import Autoscaler
from local.scaler.metrics import Clock, Metrics, utc_now
from local.scaler.replicas import Replicas
from local.scaler.rules import Rules, read_rules

MOST_HERE = 4
"""Processes of one service on this machine: more than its cores gain nothing."""

ONE_HERE = frozenset({"workflow"})
"""Durable instances that other processes' queue messages are for: on one machine each process has a hub of its own."""


class Look(BaseModel):
    """One look at one service. `at_s` is the rules' time; `wanted` is what the rules say, `replicas` what serves."""

    model_config = ConfigDict(frozen=True)

    at_s: float
    service: str
    values: Mapping[str, float]
    wanted: int
    replicas: int


class Scaling:
    """Scales the services of a running platform while it is entered. Every look is a line of `trace` (JSON lines).

    `speed` makes all periods of the rules so many times shorter, to see in a minute what takes ten.
    """

    def __init__(
        self, platform: Platform, trace: Path, *, speed: float = 1.0, most: int = MOST_HERE, clock: Clock = utc_now
    ) -> None:
        self._clock = clock
        self._platform, self._trace, self._speed = platform, trace, speed
        running = set(platform.processes)
        self.rules = {
            name: _within(found, _most_of(found, most))
            for name, found in read_rules(platform.layout.root / "keda").items()
            if name in running and name != "gateway"
        }
        self._autoscalers = {name: Autoscaler(found, 1) for name, found in self.rules.items()}
        self._replicas = {name: Replicas(platform, name, found.max_replica_count) for name, found in self.rules.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()
        self._began = time.monotonic()

    async def __aenter__(self) -> Self:
        admin = f"http://127.0.0.1:{self._platform.plan.ports['envoy-admin']}"
        layout = self._platform.layout
        metrics = Metrics(self._platform.storage_connection, admin, layout.durable, self._speed, self._clock)
        self._stack.push_async_callback(metrics.close)
        self._trace.parent.mkdir(parents=True, exist_ok=True)
        self._trace.write_bytes(b"")
        self._tasks = [asyncio.create_task(self._follow(name, metrics)) for name in self.rules]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(replicas.stop() for replicas in self._replicas.values()))
        await self._stack.aclose()

    @property
    def now_s(self) -> float:
        """The rules' time: seconds since it began, times the speed."""
        return (time.monotonic() - self._began) * self._speed

    def ready(self, service: str) -> int:
        """How many processes of a service serve now."""
        return self._replicas[service].ready

    def running(self, service: str) -> int:
        """How many processes of a service there are now."""
        return self._replicas[service].running

    async def kill(self, service: str) -> None:
        """End the newest process of a service as an accident would. Raises IndexError when there is none."""
        await self._replicas[service].kill()

    def start_seconds(self, service: str) -> list[float]:
        """How long each process that was started took until it was ready, in seconds of the clock."""
        return self._replicas[service].start_seconds

    async def _follow(self, service: str, metrics: Metrics) -> None:
        """Look once in every polling interval; what a look takes does not make the interval longer."""
        rules, autoscaler, replicas = self.rules[service], self._autoscalers[service], self._replicas[service]
        for number in count():
            await asyncio.sleep((number * rules.polling_interval - self.now_s) / self._speed)
            values = await metrics.read(service, rules.triggers)
            now_s = self.now_s
            look = Look(
                at_s=round(now_s, 2),
                service=service,
                values=values,
                wanted=autoscaler.step(now_s, values),
                replicas=replicas.ready,
            )
            replicas.set(look.wanted)
            with self._trace.open("ab") as file:
                file.write(orjson.dumps(look.model_dump()) + b"\n")


def read_trace(file: Path) -> list[Look]:
    """The looks of a trace, in order."""
    return [Look.model_validate_json(line) for line in file.read_bytes().splitlines()]


def _within(rules: Rules, most: int) -> Rules:
    """The rules with no more replicas than this machine runs, as if maxReplicaCount said so."""
    least = min(rules.min_replica_count, most)
    return rules.model_copy(update={"max_replica_count": most, "min_replica_count": least})


def _most_of(rules: Rules, most: int) -> int:
    """Further processes help where work waits in queues; the edge knows one address of each service."""
    queued = any(trigger.type == "azure-queue" for trigger in rules.triggers)
    return min(most, rules.max_replica_count) if queued and rules.service not in ONE_HERE else 1
