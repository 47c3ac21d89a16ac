"""The loop: read the metrics, decide, start and stop, write down what was seen."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
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
    """One look at one service. `at_s` is the rules' time; `wanted` is what the rules say, `replicas` what runs."""

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
        rules = read_rules(platform.layout.root / "keda")
        self.rules = {name: found for name, found in rules.items() if name in running and name != "gateway"}
        self._autoscalers = {name: Autoscaler(found, 1) for name, found in self.rules.items()}
        self._replicas = {name: Replicas(platform, name, _most_of(found, most)) for name, found in self.rules.items()}
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

    def running(self, service: str) -> int:
        """How many processes of a service there are now."""
        return self._replicas[service].running

    async def _follow(self, service: str, metrics: Metrics) -> None:
        rules, autoscaler, replicas = self.rules[service], self._autoscalers[service], self._replicas[service]
        while True:
            values = await metrics.read(service, rules.triggers)
            now_s = self.now_s
            wanted = autoscaler.step(now_s, values)
            # What this machine does not run can't be taken away later: the HPA would see it as pods that are there.
            autoscaler.replicas = min(wanted, replicas.most)
            replicas.set(wanted)
            look = Look(at_s=round(now_s, 2), service=service, values=values, wanted=wanted, replicas=replicas.running)
            with self._trace.open("ab") as file:
                file.write(orjson.dumps(look.model_dump()) + b"\n")
            await asyncio.sleep(rules.polling_interval / self._speed)


def read_trace(file: Path) -> list[Look]:
    """The looks of a trace, in order."""
    return [Look.model_validate_json(line) for line in file.read_bytes().splitlines()]


def _most_of(rules: Rules, most: int) -> int:
    """Further processes help where work waits in queues; the edge knows one address of each service."""
    queued = any(trigger.type == "azure-queue" for trigger in rules.triggers)
    return min(most, rules.max_replica_count) if queued and rules.service not in ONE_HERE else 1
