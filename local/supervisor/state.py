"""What runs, kept in a file that `status`, `down` and the next start read; one supervisor at a time."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

Status = Literal["waiting", "starting", "ready", "restarting", "stopping", "stopped", "failed"]


class AlreadyRunningError(RuntimeError):
    """Another supervisor holds this state folder."""


class ProcessRecord(BaseModel):
    """One process: enough to find it again and to be sure that it is the same one."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status = "waiting"
    pid: int | None = None
    started: float | None = None
    """Its creation time in seconds since the epoch, as the kernel gives it."""
    command: tuple[str, ...] = ()
    url: str = ""
    log: str = ""
    restarts: int = 0
    detail: str = ""


class State(BaseModel):
    """All of state.json."""

    model_config = ConfigDict(frozen=True)

    supervisor: int | None = None
    ports: dict[str, int] = {}
    processes: dict[str, ProcessRecord] = {}


def read_state(file: Path) -> State:
    """The last state written; an empty one when there is none or it can't be read."""
    try:
        return State.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return State()


def write_state(file: Path, state: State) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(state.model_dump(), indent=2) + "\n", encoding="utf-8")
    partial.replace(file)


@contextlib.contextmanager
def sole_supervisor(lock_file: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it back however this process ends. Raises AlreadyRunningError."""
    with lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(f"the platform is already running ({lock_file} is held)") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def supervisor_pid(lock_file: Path) -> int | None:
    """The process id of the supervisor that holds the lock; None when nobody does."""
    try:
        with lock_file.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0) or None
    except (OSError, ValueError):
        return None
    return None


def started_at(pid: int) -> float | None:
    """When the process was created; None when there is no such process."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
