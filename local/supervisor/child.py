"""One child process: it writes to its own log and ends when its parent does."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process `number` when its parent dies, even by kill -9. Runs between fork and exec."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number))


@dataclass(frozen=True)
class Spec:
    """What is to run, how one sees that it is ready, and how long it may take to stop."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    url: str = ""
    stop_grace_s: float = 10
    ready_timeout_s: float = 120
    on_parent_death: signal.Signals = signal.SIGKILL
    after: tuple[str, ...] = ()
    """Names of the processes that must be ready before this one starts."""
    stop_rank: int = 0
    """Those of a lower rank are stopped first; those of one rank together."""


class Child:
    """A running process of a spec, in a session of its own, so that a Ctrl-C in the terminal does not reach it."""

    def __init__(self, spec: Spec, process: asyncio.subprocess.Process, log: Path) -> None:
        self.spec = spec
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, spec: Spec, logs: Path) -> "Child":
        """Start it with its output appended to `logs/<name>.log`. Raises OSError when the command can't run."""
        log = logs / f"{spec.name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=spec.cwd,
                env=dict(spec.environment),
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(spec.on_parent_death),
            )
        return cls(spec, process, log)

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's, too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end; gives its exit code, negative for a signal."""
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and what it started; does nothing when it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self) -> None:
        """Ask it to end, wait for its grace time, then end it."""
        if self.exit_code is None:
            self.signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.wait(), self.spec.stop_grace_s)
            except TimeoutError:
                self.signal(signal.SIGKILL)
                await self.wait()
        self.signal(signal.SIGKILL)  # what it may have left behind in its group
