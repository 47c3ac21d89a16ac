"""A real run to hold the simulation against: notification scales by its rules while slow receivers keep it waiting.

Deliveries wait for their receivers and use little processor, so that a second process really doubles what is done,
also on a machine of two cores. What the simulation is given was measured in the same run: when the work came, how long
a delivery took, how long a process took to start.
"""

import asyncio
import re
import statistics
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
from aiohttp import web

from local.capacity.check import Comparison, Trial, compare
from local.layout import ROOT
from local.platform import Platform
from local.scaler.scaling import Scaling, read_trace
from local.webhooks import WebhookReceiver

SERVICE = "notification"
QUEUE = "notification-deliveries"
SPEED = 10.0
"""Periods of the rules are so many times shorter: minutes in seconds."""

TARGETS = 4
"""Webhooks, and so deliveries, of one message."""

PHASES = ((30.0, 2.0), (25.0, 5.0))
"""Seconds of the clock, and messages a second: about one process' work and a half, then all that four can do."""

ANSWER_S = 4.0
FIRST = 6
"""Messages before the load, one a second: how long one is on its way while nothing waits."""

SUNDAY = datetime(2026, 1, 4, 12, tzinfo=UTC)
"""No known peak."""

PATIENCE_S = 90.0
TRIES = 20
_EXECUTED = re.compile(r"'Functions\.notification_deliver_message' \(Succeeded, Duration=(\d+)ms\)")


class SlowReceiver(WebhookReceiver):
    """Takes its time to answer, and knows when it was asked."""

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.asked_s: list[float] = []
        self._scaling = scaling

    async def _receive(self, request: web.Request) -> web.Response:
        self.asked_s.append(self._scaling.now_s)
        await asyncio.sleep(ANSWER_S)
        return await super()._receive(request)


async def run(trace: Path) -> tuple[Trial, Comparison]:
    """Run, simulate and compare. Raises TimeoutError when a delivery is missing at the end: none may be lost."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trial-")))
        services = ("gateway", "identity", SERVICE)
        platform = await stack.enter_async_context(Platform(ROOT, folder, services=services, free_ports=True))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=platform.edge_url, timeout=30))
        await _sign_in(http, platform)
        scaling = await stack.enter_async_context(Scaling(platform, trace, speed=SPEED, clock=lambda: SUNDAY))
        receiver = await stack.enter_async_context(SlowReceiver(scaling))
        arrivals = await _load(http, scaling, receiver)
        async with asyncio.timeout(PATIENCE_S):
            while scaling.ready(SERVICE) > scaling.rules[SERVICE].min_replica_count:  # noqa: ASYNC110 - processes tell nobody
                await asyncio.sleep(0.1)
        await asyncio.sleep(2 * scaling.rules[SERVICE].polling_interval / SPEED)
        took = list(_service_seconds(platform.layout.logs))
        starts = scaling.start_seconds(SERVICE)
    trial = Trial(
        looks=tuple(look for look in read_trace(trace) if look.service == SERVICE),
        arrivals_s=tuple(round(at, 2) for at in arrivals),
        service_s=round(statistics.fmean(took) * SPEED, 3),
        variation=round(statistics.pstdev(took) / statistics.fmean(took), 3),
        start_s=round(statistics.fmean(starts) * SPEED, 2),
        most=scaling.rules[SERVICE].max_replica_count,
    )
    return trial, compare(trial)


async def _load(http: httpx.AsyncClient, scaling: Scaling, receiver: SlowReceiver) -> list[float]:
    """Send in phases and wait for every delivery; gives when each came to its queue, in the rules' time."""
    names = [f"slow-{number}" for number in range(TARGETS)]
    for name in names:  # one secret is enough: the receiver checks no signature without one
        (await http.put(f"/notification/webhooks/{name}", json={"url": receiver.url})).raise_for_status()
    body = _message(names)
    way_s = await _way(http, scaling, receiver, body)
    sent: list[float] = []
    async with asyncio.TaskGroup() as sending:
        for lasting_s, per_second in PHASES:
            for _ in range(int(lasting_s * per_second)):
                sent.append(scaling.now_s)
                sending.create_task(_send(http, body))
                await asyncio.sleep(1 / per_second)
    expected = TARGETS * (FIRST + len(sent))
    await receiver.wait_for(expected, timeout_s=PATIENCE_S)
    return [at + way_s for at in (*_first_sent(receiver, way_s), *sent) for _ in range(TARGETS)]


def _message(names: Sequence[str]) -> dict[str, Any]:
    return {"subject": "trial", "body": "trial", "channels": [{"type": "webhook", "webhook": name} for name in names]}


async def _way(http: httpx.AsyncClient, scaling: Scaling, receiver: SlowReceiver, body: dict[str, Any]) -> float:
    """The median time from sending a message to its first delivery, in the rules' time, while nothing waits."""
    ways: list[float] = []
    for _ in range(FIRST):
        before, began_s = len(receiver.asked_s), scaling.now_s
        await _send(http, body)
        while len(receiver.asked_s) < before + TARGETS:  # noqa: ASYNC110 - bounded by the timeout of the sender's queue
            await asyncio.sleep(0.01)
        ways.append(receiver.asked_s[before] - began_s)
        await asyncio.sleep(0.5)
    return statistics.median(ways)


def _first_sent(receiver: SlowReceiver, way_s: float) -> list[float]:
    """When the messages of `_way` were sent."""
    return [at - way_s for at in receiver.asked_s[: FIRST * TARGETS : TARGETS]]


async def _send(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """One message; a busy machine may need a second request for it, under the same key."""
    headers = {"Idempotency-Key": uuid4().hex}
    for _ in range(TRIES):
        answer = await http.post("/notification/messages", json=body, headers=headers)
        if answer.status_code < 500 and answer.status_code != 429:
            break
        await asyncio.sleep(0.5)
    answer.raise_for_status()


async def _sign_in(http: httpx.AsyncClient, platform: Platform) -> None:
    demo = platform.demo_client
    auth = (demo.id, demo.secret.get_secret_value())
    answer = await http.post("/identity/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth)
    http.headers["authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


def _service_seconds(logs: Path) -> Iterator[float]:
    """How long each delivery was in hand, as the hosts of all processes logged it."""
    for file in logs.glob(f"{SERVICE}*.log"):
        for duration in _EXECUTED.findall(file.read_text(encoding="utf-8")):
            yield int(duration) / 1000
