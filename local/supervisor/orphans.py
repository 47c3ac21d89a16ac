"""Ends what an earlier supervisor, killed without a chance to tidy up, left running."""

import contextlib
import os
import signal

import psutil

from local.supervisor.state import ProcessRecord, State

SAME_START_S = 1.0


def end_orphans(state: State) -> list[str]:
    """Kill the recorded processes that still run; gives their names.

    A process id may have been given to something else since: only one with the recorded creation time and command
    line is touched."""
    found = [(record, process) for record in state.processes.values() if (process := _same(record))]
    for record, process in found:
        _end(process, signal.SIGTERM if record.name == "azurite" else signal.SIGKILL)
    _, alive = psutil.wait_procs([process for _, process in found], timeout=10)
    for process in alive:
        _end(process, signal.SIGKILL)
    return [record.name for record, _ in found]


def _same(record: ProcessRecord) -> psutil.Process | None:
    if record.pid is None or record.started is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < SAME_START_S and process.cmdline() == list(record.command)
    except psutil.Error:
        return None
    return process if same else None


def _end(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
