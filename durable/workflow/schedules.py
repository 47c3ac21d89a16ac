"""When a definition starts by itself: the next time, and what is stored of it.

Table `workflowschedules`, partition tenant: `s!<namespace>!<name>` is the schedule of the definition's latest version,
`g!<namespace>!<name>!<version>!<group>` events that are gathered for a start.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterError, croniter

from chassis.storage.rows import Row, RowChanged
from chassis.storage.tables import Table
from durable.workflow.dsl.definition import Schedule
from durable.workflow.dsl.durations import Duration, DurationInline
from durable.workflow.retries import inline_duration, parse_duration

TABLE = "workflowschedules"
SHORTEST = timedelta(seconds=1)
CRON_FIELDS = 5
_CRON = re.compile(
    r"(?:[\d*,/\-\s]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)+\Z", re.IGNORECASE
)
"""Numbers, names, lists, ranges and steps; what else croniter takes (random times, last days) is not cron."""


class NotASchedule(ValueError):
    """A schedule that can't be kept; the message says why."""


def check_schedule(schedule: Schedule) -> None:
    """Raises NotASchedule."""
    given = [key for key in ("every", "cron", "after", "on") if getattr(schedule, key) is not None]
    if len(given) > 1:
        raise NotASchedule(f"a schedule is one of every, cron, after, on; this one has {', '.join(given)}")
    for key in ("every", "after"):
        if (duration := getattr(schedule, key)) is not None and _fixed(duration) < SHORTEST:
            raise NotASchedule(f"{key} is at least {SHORTEST.total_seconds():g} s")
    if schedule.cron is not None:
        _next_by_cron(schedule.cron, datetime.now(UTC))


def first_run(schedule: Schedule, now: datetime) -> datetime | None:
    """When a schedule that begins now runs first: by `every` after one interval, by `after` at once.

    None when events start it, or nothing does.
    """
    return now if schedule.after is not None else next_run(schedule, now, now)


def next_run(schedule: Schedule, tick: datetime, now: datetime) -> datetime | None:
    """The first time after now. Times that passed while nobody looked are made up for by one start, not by each.

    `every` keeps its beat: the next is whole intervals after the tick. None when an end or an event decides.
    """
    if schedule.every is not None:
        interval = _fixed(schedule.every)
        return tick + interval * max(1, (now - tick) // interval + 1)
    return None if schedule.cron is None else _next_by_cron(schedule.cron, now)


def pause(schedule: Schedule) -> timedelta | None:
    """How long after an end a schedule by `after` runs again."""
    return None if schedule.after is None else _fixed(schedule.after)


def _fixed(duration: Duration) -> timedelta:
    if isinstance(duration, DurationInline):
        return inline_duration(duration)
    try:
        return parse_duration(duration)
    except ValueError:
        raise NotASchedule("a schedule's duration is fixed: no expression") from None


def _next_by_cron(text: str, now: datetime) -> datetime:
    try:
        if len(text.split()) != CRON_FIELDS or not _CRON.match(text):
            raise NotASchedule(f"a cron expression has five fields, minute to day of the week: {text[:100]!r}")
        found: datetime = croniter(text, now).get_next(datetime)  # type: ignore[no-untyped-call]
        return found
    except (CroniterError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotASchedule(str(error)[:200]) from None


class ScheduleStore:
    """The schedules of all tenants; every method names the tenant it acts for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, tenant: str, namespace: str, name: str) -> Row | None:
        """A definition's schedule, None when its latest version has none."""
        return await self._table.get(tenant, _key(namespace, name))

    async def put(self, tenant: str, namespace: str, name: str, values: dict[str, Any]) -> None:
        """The schedule from now on, whatever it was."""
        await self._table.upsert(tenant, _key(namespace, name), values)

    async def end(self, tenant: str, namespace: str, name: str) -> None:
        """The definition has no schedule any more."""
        await self._table.delete(tenant, _key(namespace, name))

    async def due(self, now: datetime) -> list[Row]:
        """What is to run, over all tenants."""
        bound = {"now": now}
        return [row async for row in self._table.query(prefix="s!", where="next_at le @now", parameters=bound)]

    async def change(self, row: Row, values: dict[str, Any]) -> bool:
        """Write the changed values; False when the schedule is another by now."""
        try:
            await self._table.replace(row.partition, row.key, {**row.values, **values}, row.etag)
        except RowChanged:
            return False
        return True

    async def ended(self, tenant: str, schedule: str, instance_id: str, ended: datetime) -> None:
        """An instance of a schedule has ended: one by `after` runs again so long after that. May be repeated."""
        row = await self._table.get(tenant, f"s!{schedule}")
        if row is not None and row.get("running") == instance_id and row.get("after_s") is not None:
            await self.change(row, {"running": None, "next_at": ended + timedelta(seconds=row["after_s"])})

    async def group(self, tenant: str, key: str) -> Row | None:
        """Events gathered for a start."""
        return await self._table.get(tenant, f"g!{key}")

    async def gather(self, tenant: str, key: str, values: dict[str, Any], row: Row | None) -> None:
        """Write gathered events. Raises RowExists or RowChanged when somebody else did meanwhile."""
        if row is None:
            await self._table.insert(tenant, f"g!{key}", values)
        else:
            await self._table.replace(tenant, row.key, values, row.etag)

    async def sweep(self, before: datetime, idle_before: datetime) -> None:
        """Remove groups without events that were written before the one moment, others before the other."""
        where = "( written lt @before ) or ( written lt @idle and is_empty eq true )"  # @names stand between blanks
        bounds = {"before": before, "idle": idle_before}
        old = self._table.query(prefix="g!", where=where, parameters=bounds)
        for partition, key in [(row.partition, row.key) async for row in old]:
            await self._table.delete(partition, key)


def schedule_name(namespace: str, name: str) -> str:
    """A schedule's name, as instances remember it."""
    return f"{namespace}!{name}"


def _key(namespace: str, name: str) -> str:
    return f"s!{schedule_name(namespace, name)}"
