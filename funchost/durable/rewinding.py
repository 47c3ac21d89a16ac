"""What a rewind stores, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from funchost.durable.backend import ActivityTask, ExecutionGone, InstanceRow, Message, TimerRow
from funchost.durable.events import HistoryEvent
from funchost.durable.state import Status


@dataclass(frozen=True, slots=True)
class Rewound:
    """A failed instance that goes on after its first `kept_turns` turns and a `note`; the rest replaces what was."""

    row: InstanceRow
    kept_turns: int
    note: HistoryEvent
    messages: list[Message]
    activities: list[ActivityTask]
    timers: list[TimerRow]


@dataclass(frozen=True, slots=True)
class Rewinding:
    """A rewind as a whole: the instance and every sub-orchestration that it failed with.

    `answers` come from sub-orchestrations that have ended otherwise; `seen` is what was known of each (None: it was not
    there) when this was planned.
    """

    parts: list[Rewound]
    answers: list[Message]
    seen: dict[str, Status | None]


def check_rewind(rewinding: Rewinding, find: Callable[[str], InstanceRow | None]) -> None:
    """Raises ExecutionGone when something is not as it was when the rewind was planned."""
    for part in rewinding.parts:
        row = find(part.row.instance_id)
        if row is None or row.execution_id != part.row.execution_id or row.status is not Status.FAILED:
            raise ExecutionGone(part.row.instance_id)
    for instance_id, status in rewinding.seen.items():
        row = find(instance_id)
        if (row.status if row else None) is not status:
            raise ExecutionGone(instance_id)
