"""The triggers' metrics, as KEDA's scalers read them, from what runs on this machine."""

import asyncio
import math
import re
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient
from croniter import croniter

from local.scaler.rules import RulesError, Trigger

PEEKED = 32
"""As many messages as one look at a queue shows; KEDA's `visibleonly` counts exactly up to here."""

RATE_WINDOW_S = 60.0
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of day, for cron triggers."""
    return datetime.now(UTC)


_RATE = re.compile(r'rate\(envoy_cluster_(\w+)\{envoy_cluster_name="(\w+)"\}\[1m\]\)')
_RECOMMENDATION = re.compile(r"GetScaleRecommendation\((\d+),\s*(\d+)\)")
_BACKLOG = """
WITH live AS (SELECT instance_id FROM messages UNION SELECT instance_id FROM timers WHERE fire_us <= ?)
SELECT (SELECT count(*) FROM live), (SELECT count(*) FROM activities)
"""


class Metrics:
    """Reads one trigger after another. `speed`: how many seconds of the rules pass in a second of the clock."""

    def __init__(
        self, storage: str, envoy_admin: str, durable: Path, speed: float = 1.0, clock: Clock = utc_now
    ) -> None:
        self._queues = QueueServiceClient.from_connection_string(storage)
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2))
        self._envoy_admin, self._durable, self._speed, self._clock = envoy_admin, durable, speed, clock
        self._counts: dict[str, deque[tuple[float, float]]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._queues.close()
        await self._http.close()

    async def read(self, service: str, triggers: Sequence[Trigger]) -> dict[str, float]:
        """The value of each trigger by its name; one that can't be read now has none."""
        found: dict[str, float] = {}
        for trigger in triggers:
            try:
                found[trigger.name] = await self._value(service, trigger)
            except (AzureError, aiohttp.ClientError, TimeoutError, sqlite3.Error):
                continue
        return found

    async def _value(self, service: str, trigger: Trigger) -> float:
        match trigger.type:
            case "azure-queue":
                return await self._depth(trigger.metadata)
            case "prometheus":
                return await self._request_rate(trigger)
            case "mssql":
                return await asyncio.to_thread(backlog, self._durable, service, trigger.metadata["query"])
            case "cron":
                return cron_replicas(trigger.metadata, self._clock())
        raise RulesError(f"{service}: the trigger type {trigger.type} is not known to the local scaler")

    async def _depth(self, metadata: Mapping[str, str]) -> float:
        queue = self._queues.get_queue_client(metadata["queueName"])
        try:
            if metadata.get("queueLengthStrategy") == "visibleonly":
                visible = len(await queue.peek_messages(PEEKED))
                if visible < PEEKED:
                    return float(visible)
            return float((await queue.get_queue_properties()).approximate_message_count or 0)
        except ResourceNotFoundError:  # nothing was ever sent
            return 0.0

    async def _request_rate(self, trigger: Trigger) -> float:
        """The sum of the query's rates. Raises RulesError for a query of another form."""
        wanted = _RATE.findall(trigger.metadata["query"])
        if not wanted:
            raise RulesError(f"trigger {trigger.name}: the local scaler sums rates of Envoy's cluster counters only")
        return sum([await self._rate(f"cluster.{cluster}.{counter}") for counter, cluster in wanted])

    async def _rate(self, counter: str) -> float:
        url = f"{self._envoy_admin}/stats?filter=^{re.escape(counter)}$&format=json"
        async with self._http.get(url) as answer:
            stats = (await answer.json(content_type=None))["stats"]
        now, count = time.monotonic() * self._speed, float(next((item["value"] for item in stats), 0))
        seen = self._counts.setdefault(counter, deque([(now, count)]))
        seen.append((now, count))
        while len(seen) > 2 and seen[1][0] <= now - RATE_WINDOW_S:
            seen.popleft()
        began, first = seen[0]
        # A counter that fell was reset by a restart: what it has now came since.
        return (count - first if count >= first else count) / max(now - began, RATE_WINDOW_S) * self._speed


def backlog(durable: Path, service: str, query: str) -> float:
    """What `dt.GetScaleRecommendation(o, a)` gives, over the hubs of a service's processes: live orchestrations / o +
    live activities / a, each rounded up (microsoft/durabletask-mssql, logic.sql). Raises RulesError."""
    match = _RECOMMENDATION.search(query)
    if match is None:
        raise RulesError(f"{service}: the local scaler knows SELECT dt.GetScaleRecommendation(n, m), not {query}")
    orchestrations = activities = 0
    for hub in [path for folder in durable.glob(f"{service}*") for path in folder.glob("*.db")]:
        with sqlite3.connect(f"file:{hub}?mode=rw", uri=True, timeout=1) as connection:
            live = connection.execute(_BACKLOG, (time.time_ns() // 1000,)).fetchone()
        connection.close()
        orchestrations, activities = orchestrations + live[0], activities + live[1]
    per_orchestrations, per_activities = map(int, match.groups())
    return float(math.ceil(orchestrations / per_orchestrations) + math.ceil(activities / per_activities))


def cron_replicas(metadata: Mapping[str, str], now: datetime) -> float:
    """The wanted replicas while the window is open, else 0. It is open when its last start is later than its end."""
    local = now.astimezone(ZoneInfo(metadata["timezone"]))
    started, ended = (_last(metadata[name], local) for name in ("start", "end"))
    return float(metadata["desiredReplicas"]) if started > ended else 0.0


def _last(schedule: str, before: datetime) -> datetime:
    found: datetime = croniter(schedule, before).get_prev(datetime)  # type: ignore[no-untyped-call]
    return found
