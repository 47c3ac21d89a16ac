"""Work that was accepted and is not being done: its orchestration was never started, or was lost."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from durable.jobs.models import Order
from functions.processing.repository import WorkRepository

LEFT_ALONE = timedelta(seconds=5)
"""Work younger than this is still being started by the request that made it."""

log = logging.getLogger(__name__)


async def recover(work: WorkRepository, ensure: Callable[[Order], Awaitable[bool]], now: datetime | None = None) -> int:
    """Start the orchestration of each piece of unfinished work that has none, and return how many."""
    before = (now or datetime.now(UTC)) - LEFT_ALONE
    started = 0
    async for row in work.unfinished():
        if row.created_at < before and await ensure(row.order):
            log.warning("%s had no orchestration; it is started", row.order.instance_id)
            started += 1
    return started
