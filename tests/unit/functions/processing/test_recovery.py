"""Accepted work that nobody does is started by the timer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from chassis.work import WorkContext
from durable.jobs.models import Order
from functions.processing.recovery import recover
from functions.processing.repository import WorkRepository, WorkRow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(id: str, age_s: float) -> WorkRow:
    return WorkRow(
        order=Order(kind="job", tenant="acme", id=id),
        status="pending",
        request={},
        fingerprint="",
        work=WorkContext(tenant="acme", subject="ann"),
        created_at=NOW - timedelta(seconds=age_s),
    )


@dataclass
class Rows:
    rows: list[WorkRow]

    async def unfinished(self) -> AsyncIterator[WorkRow]:
        for found in self.rows:
            yield found


async def test_only_work_without_an_orchestration_that_is_not_just_being_started_is_started() -> None:
    asked: list[str] = []

    async def ensure(order: Order) -> bool:
        asked.append(order.id)
        return order.id == "lost"

    rows: Any = Rows([row("new", 1), row("lost", 60), row("running", 60)])
    assert await recover(cast(WorkRepository, rows), ensure, NOW) == 1
    assert asked == ["lost", "running"]
