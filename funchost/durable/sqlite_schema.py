"""The tables of a task hub file, and how a file is recognised, opened and refused."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from funchost.durable.backend import HubCorrupt, HubInUse, HubTooNew, StorageUnavailable
from funchost.durable.sqlite_errors import REMEDY

SCHEMA_VERSION = 1

# History is kept as one row per turn: a turn's events are written and read together, never alone.
# Message sequences must never be used again (AUTOINCREMENT), or a restarted engine could confuse two messages.
_TABLES = """
CREATE TABLE instances (
    instance_id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, input TEXT, output TEXT, custom_status TEXT
) WITHOUT ROWID;
CREATE TABLE history (
    instance_id TEXT NOT NULL, turn INTEGER NOT NULL, events BLOB NOT NULL, PRIMARY KEY (instance_id, turn)
) WITHOUT ROWID;
CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT, event BLOB NOT NULL
);
CREATE INDEX messages_of_instance ON messages (instance_id);
CREATE TABLE activities (
    instance_id TEXT NOT NULL, execution_id TEXT NOT NULL, task_id INTEGER NOT NULL,
    name TEXT NOT NULL, input TEXT, trace_parent TEXT, PRIMARY KEY (instance_id, execution_id, task_id)
) WITHOUT ROWID;
CREATE TABLE timers (
    instance_id TEXT NOT NULL, timer_id INTEGER NOT NULL, execution_id TEXT NOT NULL, fire_us INTEGER NOT NULL,
    PRIMARY KEY (instance_id, timer_id)
) WITHOUT ROWID;
"""


# A process does not conflict with its own record locks, so two engines in one process are told apart here.
_held: set[Path] = set()


class HubLock:
    """Keeps a second process away from a hub file; the system lets go of it when the process dies.

    A record lock, not flock: a child that was forked off does not inherit it, so it can't keep the hub from the next
    host after its parent was killed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises HubInUse when another process, or another engine of this one, has the hub."""
        # Before the file is opened: closing it again would release the lock that this process has.
        if self._path in _held:
            raise HubInUse(f"This process already uses the task hub (lock file {self._path}).")
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise HubInUse(f"Another process uses the task hub (lock file {self._path}).") from None
        self._descriptor = descriptor
        _held.add(self._path)

    def release(self) -> None:
        """Let the hub go; may be repeated."""
        if self._descriptor is not None:
            _held.discard(self._path)
            os.close(self._descriptor)
            self._descriptor = None


def connect(path: Path, *, writes: bool) -> sqlite3.Connection:
    """A connection for one thread at a time; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute("PRAGMA busy_timeout = 5000")
    if writes:
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk when it returns, so that a power cut loses nothing either.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


def prepare(path: Path) -> sqlite3.Connection:
    """Open a hub file for writing and make its tables when it is new.

    Raises HubCorrupt, HubTooNew, StorageUnavailable.
    """
    connection: sqlite3.Connection | None = None
    try:
        connection = connect(path, writes=True)
        _check(connection, path)
    except sqlite3.OperationalError as error:
        _close(connection)
        raise StorageUnavailable(f"The task hub {path} can't be opened: {error}.") from error
    except sqlite3.DatabaseError as error:
        _close(connection)
        raise HubCorrupt(f"The task hub {path} can't be read: {error}. {REMEDY}") from error
    except HubTooNew:
        _close(connection)
        raise
    return connection


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        words = f"The task hub {path} has schema version {version}; this engine knows up to {SCHEMA_VERSION}."
        raise HubTooNew(f"{words} Use the newer version of the host.")
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
