"""`--watch`: a small parent that runs the host as a child and starts it anew when the app changes.

The parent holds the listening socket, so that the address stays and requests wait while the child is replaced. The old
child drains (its messages are finished or come back, its orchestrations are in the store) before the new one starts.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

_PAUSE_S = 0.5
_SUFFIXES = frozenset({".py", ".json", ".toml", ".yaml", ".yml", ".env"})
_IGNORED = frozenset({"__pycache__", "node_modules", "site-packages"})
Snapshot = dict[str, tuple[int, int]]


def snapshot(app_dir: Path) -> Snapshot:
    """Time and size of every source and settings file; hidden folders (.venv, .funchost) are left out."""
    return {str(path): (state.st_mtime_ns, state.st_size) for path, state in _files(app_dir)}


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _IGNORED:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif Path(entry.name).suffix in _SUFFIXES:
                with contextlib.suppress(FileNotFoundError):
                    yield Path(entry.path), entry.stat()


class Watcher:
    """Runs `python -m funchost start` with the arguments, again after every change, until told to stop."""

    def __init__(self, app_dir: Path, listener: socket.socket, arguments: Sequence[str]) -> None:
        self._app_dir = app_dir
        self._listener = listener
        descriptor = str(listener.fileno())
        self._command = [sys.executable, "-m", "funchost", "start", *arguments, "--socket", descriptor]
        self._started_in = Path.cwd()
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Until SIGTERM or SIGINT, which the child gets too; returns its exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        seen = snapshot(self._app_dir)
        while not self._stopping.is_set():
            self._start()
            before, seen = seen, self._wait_for_change(seen)
            if not self._stopping.is_set():
                print(f"Changed: {', '.join(_changes(before, seen))}; the host is started anew", flush=True)
            self._end()
        return self._child.returncode if self._child is not None else 0

    def _start(self) -> None:
        self._child = subprocess.Popen(  # noqa: S603 (this interpreter, with the arguments of its own command line)
            self._command,
            cwd=self._started_in,
            # A cached module counts as fresh while its source has the same size and the same second of change.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            pass_fds=(self._listener.fileno(),),
            preexec_fn=_die_with_parent,
            start_new_session=True,  # Ctrl-C comes to the parent alone, which hands it on once
        )

    def _wait_for_change(self, seen: Snapshot) -> Snapshot:
        """Returns the files as they are after a change, or as they were when told to stop.

        A child that ended by itself told a mistake: the next change starts it again.
        """
        while not self._stopping.wait(_PAUSE_S):
            now = snapshot(self._app_dir)
            if now != seen:
                return now
        return seen

    def _end(self) -> None:
        if self._child is not None:
            if self._child.poll() is None and not self._stopping.is_set():
                self._child.terminate()
            self._child.wait()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return [Path(path).name for path in paths]


def _die_with_parent() -> None:
    """On Linux the child gets SIGTERM when the parent is killed, so that no host is left behind."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
