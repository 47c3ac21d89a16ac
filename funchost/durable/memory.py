"""A task hub in memory: the same promises as any backend, except that it dies with the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from funchost.durable.backend import (
    ActivityKey,
    ActivityTask,
    Backend,
    ExecutionGone,
    InstanceEnded,
    InstanceExists,
    InstanceFilter,
    InstanceNotFound,
    InstancePage,
    InstanceRow,
    Message,
    NewInstance,
    PendingWork,
    Snapshot,
    TimerRow,
    TurnCommit,
)
from funchost.durable.entities import is_entity
from funchost.durable.events import encode_events
from funchost.durable.rewinding import Rewinding, Rewound, check_rewind


class MemoryBackend(Backend):
    """Keeps everything in dicts. Closing keeps the content, so that a test can open it again."""

    def __init__(self) -> None:
        self._rows: dict[str, InstanceRow] = {}
        self._chunks: dict[str, list[bytes]] = {}
        self._inbox: dict[str, dict[int, Message]] = {}
        self._activities: dict[ActivityKey, ActivityTask] = {}
        self._timers: dict[str, dict[int, TimerRow]] = {}
        self._sequence = 0

    async def open(self) -> PendingWork:
        waiting = [instance_id for instance_id, inbox in self._inbox.items() if inbox]
        timers = [timer for rows in self._timers.values() for timer in rows.values()]
        return PendingWork(waiting, list(self._activities.values()), timers)

    async def close(self) -> None:
        return None

    async def create(self, new: NewInstance, *, replace_running: bool = False) -> Message:
        existing = self._rows.get(new.row.instance_id)
        if existing and not existing.status.is_final and not replace_running:
            raise InstanceExists(existing.instance_id, existing.status)
        return self._create(new)

    async def send(self, message: Message) -> Message:
        row = self._rows.get(message.instance_id)
        if row is None:
            raise InstanceNotFound(message.instance_id)
        if row.status.is_final:
            raise InstanceEnded(row.instance_id, row.status)
        return self._store(message)

    async def record_result(self, key: ActivityKey, result: Message) -> Message | None:
        if self._activities.pop(key, None) is None:
            return None
        return self._store_for_running(result)

    async def postpone(self, key: ActivityKey, raw_input: str) -> bool:
        task, row = self._activities.pop(key, None), self._rows.get(key.instance_id)
        if task is None or row is None or row.status.is_final or row.execution_id != key.execution_id:
            return False
        self._activities[key] = replace(task, input=raw_input)
        return True

    async def commit(self, turn: TurnCommit) -> list[Message]:
        row = self._rows.get(turn.row.instance_id)
        if row is None or row.execution_id != turn.execution_id:
            raise ExecutionGone(turn.row.instance_id)
        self._apply_to_instance(turn)
        stored = [self._create_child(child) for child in turn.children]
        stored += [self._store_for_running(message) for message in turn.messages]
        return [message for message in stored if message is not None]

    async def rewind(self, rewinding: Rewinding) -> list[Message]:
        check_rewind(rewinding, self._rows.get)
        stored = [message for rewound in rewinding.parts for message in self._rewind(rewound)]
        return stored + [self._store(answer) for answer in rewinding.answers]

    def _rewind(self, rewound: Rewound) -> list[Message]:
        row = rewound.row
        chunks = self._chunks[row.instance_id][: rewound.kept_turns]
        self._forget(row.instance_id)
        self._rows[row.instance_id] = row
        self._chunks[row.instance_id] = [*chunks, encode_events([rewound.note])]
        self._activities.update({task.key: task for task in rewound.activities})
        self._timers[row.instance_id] = {timer.timer_id: timer for timer in rewound.timers}
        return [self._store(message) for message in rewound.messages]

    async def load(self, instance_id: str) -> Snapshot | None:
        row = self._rows.get(instance_id)
        if row is None:
            return None
        inbox = self._inbox.get(instance_id, {})
        return Snapshot(row, list(self._chunks.get(instance_id, ())), list(inbox.values()))

    async def get(self, instance_id: str) -> InstanceRow | None:
        return self._rows.get(instance_id)

    async def query(self, wanted: InstanceFilter, *, after: str = "", limit: int = 100) -> InstancePage:
        found = [row for key, row in sorted(self._rows.items()) if key > after and _matches(row, wanted)]
        return InstancePage(found[:limit], found[limit - 1].instance_id if len(found) > limit else None)

    async def purge(self, instance_ids: Sequence[str]) -> list[str]:
        ended = [i for i in instance_ids if i in self._rows and self._rows[i].status.is_final]
        for instance_id in ended:
            self._forget(instance_id)
        return ended

    def _apply_to_instance(self, turn: TurnCommit) -> None:
        row = turn.row
        inbox = self._inbox.get(row.instance_id, {})
        for sequence in turn.consumed:
            inbox.pop(sequence, None)
        if turn.restarts:
            self._chunks[row.instance_id] = []
            self._timers.pop(row.instance_id, None)
        if turn.events:
            self._chunks.setdefault(row.instance_id, []).append(encode_events(turn.events))
        self._rows[row.instance_id] = row
        timers = self._timers.setdefault(row.instance_id, {})
        for number in turn.ended_timers:
            timers.pop(number, None)
        timers.update({timer.timer_id: timer for timer in turn.timers})
        self._activities.update({task.key: task for task in turn.activities})
        if row.status.is_final:
            self._inbox.pop(row.instance_id, None)
            self._timers.pop(row.instance_id, None)

    def _create_child(self, child: NewInstance) -> Message | None:
        existing = self._rows.get(child.row.instance_id)
        if existing and not existing.status.is_final:
            return self._store_for_running(child.refusal) if child.refusal else None
        return self._create(child)

    def _create(self, new: NewInstance) -> Message:
        self._forget(new.row.instance_id)
        self._rows[new.row.instance_id] = new.row
        return self._store(new.start)

    def _store_for_running(self, message: Message) -> Message | None:
        row = self._rows.get(message.instance_id)
        if row is None or row.status.is_final or message.execution_id not in (None, row.execution_id):
            return None
        return self._store(message)

    def _store(self, message: Message) -> Message:
        self._sequence += 1
        stored = replace(message, sequence=self._sequence)
        self._inbox.setdefault(message.instance_id, {})[self._sequence] = stored
        return stored

    def _forget(self, instance_id: str) -> None:
        for table in (self._rows, self._chunks, self._inbox, self._timers):
            table.pop(instance_id, None)
        for key in [key for key in self._activities if key.instance_id == instance_id]:
            del self._activities[key]


def _matches(row: InstanceRow, wanted: InstanceFilter) -> bool:
    return (
        (wanted.created_from is None or row.created_at >= wanted.created_from)
        and (wanted.created_to is None or row.created_at <= wanted.created_to)
        and (not wanted.statuses or row.status in wanted.statuses)
        and row.instance_id.startswith(wanted.prefix)
        and (wanted.updated_from is None or row.updated_at >= wanted.updated_from)
        and (wanted.updated_to is None or row.updated_at <= wanted.updated_to)
        and is_entity(row.instance_id) == wanted.entities
        and not (wanted.entities and row.input is None)
    )
