"""SQL of the task hub: each function is one step of an operation, on an open transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from funchost.durable.backend import (
    ActivityKey,
    ActivityTask,
    InstanceFilter,
    InstanceRow,
    Message,
    NewInstance,
    TimerRow,
    TurnCommit,
)
from funchost.durable.events import HistoryEvent, encode_events
from funchost.durable.rewinding import Rewound
from funchost.durable.state import Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INSTANCE = "instance_id, execution_id, name, status, created_us, updated_us, input, output, custom_status"


def to_us(when: datetime) -> int:
    """Microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def _from_us(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def select_instance(db: sqlite3.Connection, instance_id: str) -> InstanceRow | None:
    """One instance's row."""
    found = db.execute(f"SELECT {_INSTANCE} FROM instances WHERE instance_id = ?", (instance_id,)).fetchone()  # noqa: S608
    return _instance(found) if found else None


def select_instances(db: sqlite3.Connection, wanted: InstanceFilter, after: str, limit: int) -> list[InstanceRow]:
    """Instances that match, by id, from the first one behind `after`."""
    kind = "instance_id GLOB '@*' AND input IS NOT NULL" if wanted.entities else "instance_id NOT GLOB '@*'"
    conditions, values = ["instance_id > ?", kind], [after]
    for condition, value in _conditions(wanted):
        conditions.append(condition)
        values.extend(value)
    where = " AND ".join(conditions)
    sql = f"SELECT {_INSTANCE} FROM instances WHERE {where} ORDER BY instance_id LIMIT ?"  # noqa: S608
    return [_instance(found) for found in db.execute(sql, (*values, limit))]


def _conditions(wanted: InstanceFilter) -> Iterable[tuple[str, list[Any]]]:
    if wanted.created_from is not None:
        yield "created_us >= ?", [to_us(wanted.created_from)]
    if wanted.created_to is not None:
        yield "created_us <= ?", [to_us(wanted.created_to)]
    if wanted.updated_from is not None:
        yield "updated_us >= ?", [to_us(wanted.updated_from)]
    if wanted.updated_to is not None:
        yield "updated_us <= ?", [to_us(wanted.updated_to)]
    if wanted.statuses:
        marks = ",".join("?" * len(wanted.statuses))
        yield f"status IN ({marks})", [str(status) for status in sorted(wanted.statuses)]
    if wanted.prefix:
        yield "substr(instance_id, 1, ?) = ?", [len(wanted.prefix), wanted.prefix]


def insert_instance(db: sqlite3.Connection, row: InstanceRow) -> None:
    """Add a row."""
    values = (
        row.instance_id,
        row.execution_id,
        row.name,
        str(row.status),
        to_us(row.created_at),
        to_us(row.updated_at),
        row.input,
        row.output,
        row.custom_status,
    )
    db.execute(f"INSERT INTO instances ({_INSTANCE}) VALUES (?,?,?,?,?,?,?,?,?)", values)  # noqa: S608


def update_instance(db: sqlite3.Connection, row: InstanceRow, execution_id: str) -> bool:
    """Write a row over the one of `execution_id`; False when that execution is gone."""
    sql = """UPDATE instances SET execution_id = ?, status = ?, updated_us = ?, input = ?, output = ?,
             custom_status = ? WHERE instance_id = ? AND execution_id = ?"""
    values = (row.execution_id, str(row.status), to_us(row.updated_at), row.input, row.output, row.custom_status)
    return db.execute(sql, (*values, row.instance_id, execution_id)).rowcount == 1


def delete_instance(db: sqlite3.Connection, instance_id: str) -> None:
    """Remove an instance and everything that belongs to it."""
    for table in ("instances", "history", "messages", "activities", "timers"):
        db.execute(f"DELETE FROM {table} WHERE instance_id = ?", (instance_id,))  # noqa: S608


def create_instance(db: sqlite3.Connection, new: NewInstance, existing: InstanceRow | None) -> Message:
    """Add an instance in place of the `existing` one and store its start message."""
    if existing is not None:
        delete_instance(db, existing.instance_id)
    insert_instance(db, new.row)
    return insert_message(db, new.start)


def insert_message(db: sqlite3.Connection, message: Message) -> Message:
    """Store a message; returns it with its sequence."""
    sql = "INSERT INTO messages (instance_id, execution_id, event) VALUES (?,?,?)"
    cursor = db.execute(sql, (message.instance_id, message.execution_id, message.event.to_json()))
    return replace(message, sequence=cursor.lastrowid or 0)


def insert_message_if_running(db: sqlite3.Connection, message: Message) -> Message | None:
    """Store a message unless its execution is gone or has ended; None then."""
    sql = "SELECT execution_id, status FROM instances WHERE instance_id = ?"
    found = db.execute(sql, (message.instance_id,)).fetchone()
    if found is None or Status(found[1]).is_final or message.execution_id not in (None, found[0]):
        return None
    return insert_message(db, message)


def append_history(db: sqlite3.Connection, instance_id: str, events: list[HistoryEvent]) -> None:
    """Add a turn's events after those that are there."""
    sql = """INSERT INTO history (instance_id, turn, events)
             SELECT ?1, coalesce(max(turn), 0) + 1, ?2 FROM history WHERE instance_id = ?1"""
    db.execute(sql, (instance_id, encode_events(events)))


def apply_turn(db: sqlite3.Connection, turn: TurnCommit) -> None:
    """Write everything of a turn that belongs to its own instance, except the row."""
    instance_id = turn.row.instance_id
    if turn.restarts:
        db.execute("DELETE FROM history WHERE instance_id = ?", (instance_id,))
    if turn.events:
        append_history(db, instance_id, turn.events)
    for sequence in turn.consumed:
        db.execute("DELETE FROM messages WHERE sequence = ?", (sequence,))
    if turn.restarts or turn.row.status.is_final:
        db.execute("DELETE FROM timers WHERE instance_id = ?", (instance_id,))
    else:
        for timer in turn.timers:
            db.execute("INSERT INTO timers VALUES (?,?,?,?)", _timer_values(timer))
        for number in turn.ended_timers:
            db.execute("DELETE FROM timers WHERE instance_id = ? AND timer_id = ?", (instance_id, number))
    if turn.row.status.is_final:
        db.execute("DELETE FROM messages WHERE instance_id = ?", (instance_id,))
    for task in turn.activities:
        db.execute("INSERT INTO activities VALUES (?,?,?,?,?,?)", _task_values(task))


def apply_rewind(db: sqlite3.Connection, rewound: Rewound) -> None:
    """Write everything of a rewind but its messages."""
    row = rewound.row
    update_instance(db, row, row.execution_id)
    db.execute("DELETE FROM history WHERE instance_id = ? AND turn > ?", (row.instance_id, rewound.kept_turns))
    append_history(db, row.instance_id, [rewound.note])
    for table in ("activities", "timers"):
        db.execute(f"DELETE FROM {table} WHERE instance_id = ?", (row.instance_id,))  # noqa: S608
    for timer in rewound.timers:
        db.execute("INSERT INTO timers VALUES (?,?,?,?)", _timer_values(timer))
    for task in rewound.activities:
        db.execute("INSERT INTO activities VALUES (?,?,?,?,?,?)", _task_values(task))


def delete_activity(db: sqlite3.Connection, key: ActivityKey) -> bool:
    """Remove an activity; False when it was not there."""
    sql = "DELETE FROM activities WHERE instance_id = ? AND execution_id = ? AND task_id = ?"
    return db.execute(sql, (key.instance_id, key.execution_id, key.task_id)).rowcount == 1


def update_activity(db: sqlite3.Connection, key: ActivityKey, raw_input: str) -> bool:
    """Write an activity's input; False when it was not there."""
    sql = "UPDATE activities SET input = ? WHERE instance_id = ? AND execution_id = ? AND task_id = ?"
    return db.execute(sql, (raw_input, key.instance_id, key.execution_id, key.task_id)).rowcount == 1


def select_messages(db: sqlite3.Connection, instance_id: str) -> list[Message]:
    """An instance's messages in order of arrival."""
    sql = "SELECT sequence, execution_id, event FROM messages WHERE instance_id = ? ORDER BY sequence"
    return [
        Message(instance_id, HistoryEvent.from_object(orjson.loads(event)), execution_id, sequence)
        for sequence, execution_id, event in db.execute(sql, (instance_id,))
    ]


def select_history(db: sqlite3.Connection, instance_id: str) -> list[bytes]:
    """An instance's history, a chunk per turn, oldest first."""
    sql = "SELECT events FROM history WHERE instance_id = ? ORDER BY turn"
    return [events for (events,) in db.execute(sql, (instance_id,))]


def select_waiting(db: sqlite3.Connection) -> list[str]:
    """Ids of instances that have messages, those that waited longest first."""
    sql = "SELECT instance_id FROM messages GROUP BY instance_id ORDER BY min(sequence)"
    return [instance_id for (instance_id,) in db.execute(sql)]


def select_activities(db: sqlite3.Connection) -> list[ActivityTask]:
    """Every activity without a result."""
    sql = "SELECT instance_id, execution_id, task_id, name, input, trace_parent FROM activities"
    return [ActivityTask(ActivityKey(*found[:3]), *found[3:]) for found in db.execute(sql)]


def select_timers(db: sqlite3.Connection) -> list[TimerRow]:
    """Every timer that has not fired."""
    sql = "SELECT instance_id, execution_id, timer_id, fire_us FROM timers"
    return [TimerRow(i, e, number, _from_us(fire_us)) for i, e, number, fire_us in db.execute(sql)]


def _instance(found: tuple[Any, ...]) -> InstanceRow:
    instance_id, execution_id, name, status, created, updated, *texts = found
    times = _from_us(created), _from_us(updated)
    return InstanceRow(instance_id, execution_id, name, Status(status), *times, *texts)


def _timer_values(timer: TimerRow) -> tuple[str, int, str, int]:
    return timer.instance_id, timer.timer_id, timer.execution_id, to_us(timer.fire_at)


def _task_values(task: ActivityTask) -> tuple[Any, ...]:
    key = task.key
    return key.instance_id, key.execution_id, key.task_id, task.name, task.input, task.trace_parent
