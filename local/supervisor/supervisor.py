"""Starts a set of processes in the order of their dependencies, restarts what dies, stops all in order of rank."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from local.supervisor.backoff import Backoff
from local.supervisor.child import Child, Spec
from local.supervisor.state import ProcessRecord, Status, started_at

POLL_S = 0.15
TAIL_LINES = 15
Listener = Callable[[ProcessRecord], None]


class StartError(RuntimeError):
    """A process did not become ready; the message has its last log lines and where the log lies."""


class Supervisor:
    """Runs the processes of `specs`; `on_change` hears of every change of a process's status.

    A process that dies before it was ever ready is tried `first_tries` times, then `start` raises StartError. One that
    dies later is restarted for ever, with back-off.
    """

    def __init__(
        self, specs: Sequence[Spec], logs: Path, on_change: Listener | None = None, first_tries: int = 2
    ) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self.records = {spec.name: self._first_record(spec, logs) for spec in specs}
        self._logs = logs
        self._listeners = [on_change] if on_change else []
        self._first_tries = first_tries
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ready = {spec.name: asyncio.Event() for spec in specs}
        self._seen_ready: set[str] = set()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each running process by name."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code is None}

    def keeps(self, name: str) -> bool:
        """Whether a process was started and not stopped: one that has just died is started again."""
        return name in self._keepers

    async def start(self, names: Iterable[str] | None = None) -> None:
        """Start these (default: all) and wait until each is ready. Raises StartError; then none of them runs."""
        wanted = [name for name in (self.specs if names is None else names) if name not in self._keepers]
        for name in wanted:
            self._keepers[name] = asyncio.create_task(self._keep(name), name=f"keep {name}")
        waits = {asyncio.create_task(self._ready[name].wait()) for name in wanted}
        try:
            await self._all_ready(waits, {self._keepers[name] for name in wanted})
        except BaseException:
            await self.stop(wanted)
            raise
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop these (default: all) rank by rank. May be repeated."""
        wanted = [self.specs[name] for name in (self.specs if names is None else names)]
        for rank in sorted({spec.stop_rank for spec in wanted}):
            await asyncio.gather(*(self._stop_one(spec.name) for spec in wanted if spec.stop_rank == rank))

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process as an accident would, and wait until it is dead; then it is restarted.

        Raises KeyError when it does not run."""
        child = self._children[name]
        self._ready[name].clear()
        child.signal(number)
        await child.wait()

    async def until_ready(self, name: str) -> None:
        """Wait until the process is ready; it may be restarting now."""
        await self._ready[name].wait()

    async def _all_ready(self, waits: set[asyncio.Task[Literal[True]]], keepers: set[asyncio.Task[None]]) -> None:
        pending: set[asyncio.Task[Literal[True]] | asyncio.Task[None]] = {*waits, *keepers}
        while waits & pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done & keepers:
                task.result()  # a keeper ends by itself only with an error

    async def _keep(self, name: str) -> None:
        backoff = Backoff()
        spec = self.specs[name]
        for needed in spec.after:
            await self._ready[needed].wait()
        while True:
            started = time.monotonic()
            child = await self._launch(spec)
            try:
                await self._until_probed(child)
                self._note(name, "ready")
                self._ready[name].set()
                self._seen_ready.add(name)
            except StartError:
                if name not in self._seen_ready and self.records[name].restarts + 1 >= self._first_tries:
                    self._note(name, "failed")
                    raise
            code = await child.wait()
            child.signal(signal.SIGKILL)  # what it may have left behind in its group
            self._ready[name].clear()
            wait_s = backoff.after(time.monotonic() - started)
            self._note(name, "restarting", f"{_ending(code)}, again in {wait_s:g} s", one_more=True)
            await asyncio.sleep(wait_s)

    async def _launch(self, spec: Spec) -> Child:
        try:
            child = await Child.start(spec, self._logs)
        except OSError as error:
            self._note(spec.name, "failed", str(error))
            raise StartError(f"{spec.name} can't be started: {error}") from None
        self._children[spec.name] = child
        record = self.records[spec.name]
        self.records[spec.name] = record.model_copy(
            update={"pid": child.pid, "started": started_at(child.pid), "command": spec.command}
        )
        self._note(spec.name, "starting")
        return child

    async def _until_probed(self, child: Child) -> None:
        """Wait until the probe says yes. Raises StartError when the process ends or its time is over."""
        deadline = time.monotonic() + child.spec.ready_timeout_s
        while child.exit_code is None and time.monotonic() < deadline:
            if await child.spec.ready():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), POLL_S)
        what = f"was not ready after {child.spec.ready_timeout_s:g} s" if child.exit_code is None else "ended"
        if child.exit_code is None:
            await child.stop()
        raise StartError(
            f"{child.spec.name} {what} ({_ending(child.exit_code)}). The end of {child.log}:\n{tail(child.log)}"
        )

    async def _stop_one(self, name: str) -> None:
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        child = self._children.pop(name, None)
        self._ready[name].clear()
        if child is not None:
            if child.exit_code is None:
                self._note(name, "stopping")
            await child.stop()
        if keeper is not None or child is not None:
            self.records[name] = self.records[name].model_copy(update={"pid": None, "started": None})
            status: Status = "failed" if self.records[name].status == "failed" else "stopped"
            self._note(name, status)

    def _note(self, name: str, status: Status, detail: str = "", *, one_more: bool = False) -> None:
        record = self.records[name]
        restarts = record.restarts + one_more
        self.records[name] = record.model_copy(update={"status": status, "detail": detail, "restarts": restarts})
        for listener in self._listeners:
            listener(self.records[name])

    @staticmethod
    def _first_record(spec: Spec, logs: Path) -> ProcessRecord:
        return ProcessRecord(name=spec.name, url=spec.url, log=str(logs / f"{spec.name}.log"))


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "    (nothing)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (nothing)"


def _ending(code: int | None) -> str:
    if code is None:
        return "ended by the supervisor"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
