"""The audit trail of a run, waited for: its events come from several services, each in its own time."""

from datetime import datetime
from typing import Any

from local.demo import job
from local.demo.api import Api

PATIENCE_S = 60


async def audited(api: Api, first: str, *others: str) -> job.Trail:
    """The trail, once an event of each of these types is in it, whatever their order."""
    trail = await job.audit_trail(api, first, PATIENCE_S)
    for type in others:
        trail = await job.audit_trail(api, type, PATIENCE_S)
    return trail


def by_time(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of such items, in the order in which they happened."""
    return sorted((item["event"] for item in items), key=lambda event: datetime.fromisoformat(event["time"]))
