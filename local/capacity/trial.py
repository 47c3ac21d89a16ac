"""A real run to hold the simulation against: notification scales by its rules while a slow receiver keeps it waiting.

Deliveries wait for the receiver and use no processor, so that a second replica really doubles what is done, also on a
machine of two cores. The same arrivals are then simulated, with the service time that the receiver takes and the start
time that was seen.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
from aiohttp import web

from local.capacity.check import Comparison, compare
from local.capacity.simulation import Service
from local.layout import ROOT
from local.platform import Platform
from local.scaler.rules import Rules
from local.scaler.scaling import Look, Scaling, read_trace
from local.webhooks import WebhookReceiver

SERVICE = "notification"
SPEED = 10.0
PER_SECOND, LASTING_S = 8.0, 75.0
ANSWER_S = 4.0
IN_HAND = 24
"""host.json: batchSize 16 and newBatchThreshold 8 more."""

OVERHEAD_S = 0.25
"""Queue, tables and signature around a delivery."""

SUNDAY = datetime(2026, 1, 4, 12, tzinfo=UTC)
PATIENCE_S = 240.0
TRIES = 20


class SlowReceiver(WebhookReceiver):
    """Takes its time to answer."""

    async def _receive(self, request: web.Request) -> web.Response:
        await asyncio.sleep(ANSWER_S)
        return await super()._receive(request)


async def run(trace: Path) -> Comparison:
    """Run, simulate and compare. Raises TimeoutError when a delivery is missing at the end: none may be lost."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trial-")))
        services = ("gateway", "identity", SERVICE)
        platform = await stack.enter_async_context(Platform(ROOT, folder, services=services, free_ports=True))
        slow = await stack.enter_async_context(SlowReceiver())
        scaling = await stack.enter_async_context(Scaling(platform, trace, speed=SPEED, clock=lambda: SUNDAY))
        rules = scaling.rules[SERVICE]
        began_s, ended_s = await _load(platform, scaling, slow)
        while scaling.running(SERVICE) > rules.min_replica_count:  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.2)
    looks = [look for look in read_trace(trace) if look.service == SERVICE]
    return _compared(rules, looks, began_s, ended_s)


async def _load(platform: Platform, scaling: Scaling, receiver: WebhookReceiver) -> tuple[float, float]:
    """Send at the rate for its time and wait for every delivery; gives both ends of the sending in the rules' time."""
    async with httpx.AsyncClient(base_url=platform.edge_url, timeout=30) as http:
        await _sign_in(http, platform)
        made = await http.put("/notification/webhooks/slow", json={"url": receiver.url})
        receiver.secret = made.raise_for_status().json()["secret"]
        body = {"subject": "trial", "body": "trial", "channels": [{"type": "webhook", "webhook": "slow"}]}
        began = time.monotonic()
        began_s = scaling.now_s
        sent = 0
        while (gone := time.monotonic() - began) < LASTING_S:
            wanted = int(gone * PER_SECOND) - sent
            await asyncio.gather(*(_send(http, body) for _ in range(wanted)))
            sent += wanted
            await asyncio.sleep(0.1)
        ended_s = scaling.now_s
        await receiver.wait_for(sent, timeout_s=PATIENCE_S)
    return began_s, ended_s


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


def _compared(rules: Rules, looks: Sequence[Look], began_s: float, ended_s: float) -> Comparison:
    queues = rules.model_copy(
        update={"triggers": tuple(trigger for trigger in rules.triggers if trigger.name == "notification-deliveries")}
    )
    service = Service(queues, (ANSWER_S + OVERHEAD_S) * SPEED, IN_HAND, start_seen(looks), variation=0.02)
    rate = PER_SECOND / SPEED
    return compare(service, lambda at: rate if began_s <= at < ended_s else 0.0, looks, replicas=1)


def start_seen(looks: Sequence[Look]) -> float:
    """The mean time from when a replica was wanted to when it ran, in the rules' seconds; 30 when none started."""
    waits: list[float] = []
    since: float | None = None
    for look in looks:
        if look.wanted > look.replicas and since is None:
            since = look.at_s
        elif look.wanted <= look.replicas and since is not None:
            waits.append(look.at_s - since)
            since = None
    return sum(waits) / len(waits) if waits else 30.0
