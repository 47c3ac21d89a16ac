"""A funchost process per test."""

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from funchost.testing import function_host

__all__ = ["function_host"]

APPS = Path(__file__).parent / "apps"
_ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
_READY = re.compile(r"Host ready in ([\d.]+) s on (http://\S+)")


class HostProcess:
    """`python -m funchost start` of one of the apps, on a free port; its log lines are collected."""

    def __init__(self, app: str, environment: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "funchost", "start", "--app", str(APPS / app), "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self._new.put(line.rstrip())
        self._new.put(None)

    def wait_for(self, pattern: str, timeout_s: float = PATIENCE_S) -> re.Match[str]:
        """The match in the first line that has it and was not waited for before."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._new.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(self.lines))
            if match := re.search(pattern, line):
                return match

    def ready(self) -> str:
        """Wait until ready; the base URL."""
        return self.wait_for(_READY.pattern)[2]

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._ended(PATIENCE_S)

    def terminate(self, timeout_s: float = PATIENCE_S) -> int:
        """SIGTERM; the exit code, once all that was logged is among the lines."""
        self.process.terminate()
        return self._ended(timeout_s)

    def _ended(self, timeout_s: float) -> int:
        code = self.process.wait(timeout_s)
        self._reading.join(timeout_s)
        return code


def wait_until(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fails after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


StartHost = Callable[..., HostProcess]


@pytest.fixture
def start_host(azurite: str, tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts on the test's own Azurite and state dir; ends those that a test leaves."""
    started: list[HostProcess] = []

    def start(app: str, *arguments: str, **environment: str) -> HostProcess:
        defaults = {"AzureWebJobsStorage": azurite, "FUNCHOST_STATE_DIR": str(tmp_path / "state")}
        host = HostProcess(app, defaults | environment, *arguments)
        started.append(host)
        return host

    yield start
    for host in started:
        host.kill()
