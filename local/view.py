"""How the platform looks in a terminal: what is starting, what runs, what happened."""

import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from local.supervisor.state import ProcessRecord, Status

STYLES: dict[Status, str] = {
    "waiting": "dim",
    "starting": "yellow",
    "ready": "green",
    "restarting": "bold red",
    "stopping": "yellow",
    "stopped": "dim",
    "failed": "bold red",
}


class StartView:
    """A live table of what is starting, on a terminal; one plain line per change elsewhere.

    Call it for every change. After leaving it the table stays as it is, and accidents are told as lines."""

    def __init__(self, console: Console, title: str = "Starting the platform") -> None:
        self._console = console
        self._title = title
        self._records: dict[str, ProcessRecord] = {}
        self._began = time.monotonic()
        self._ready_s: dict[str, float] = {}
        self._live: Live | None = None
        self._started = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started = kind is None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, record: ProcessRecord) -> None:
        """Take in a change."""
        seen = self._records.get(record.name)
        self._records[record.name] = record
        if record.status == "ready":
            self._ready_s.setdefault(record.name, time.monotonic() - self._began)
        changed = seen is None or seen.status != record.status
        if self._live is None and changed and (not self._started or _is_accident(record)):
            self._console.print(event_line(record), highlight=False)

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for record in self._records.values():
            took = self._ready_s.get(record.name)
            detail = f"{took:4.1f} s" if took is not None else record.detail or "…"
            table.add_row("  ", _mark(record), record.name, Text(detail, style="dim"))
        seconds = Text(f"{self._title}  {time.monotonic() - self._began:.0f} s", style="bold")
        return Group(seconds, table)


def event_line(record: ProcessRecord) -> Text:
    """One change as a line."""
    line = Text(time.strftime("  %H:%M:%S  "), style="dim")
    line.append(f"{record.name:<13}", style="bold")
    line.append(record.status, style=STYLES[record.status])
    return line.append(f"  {record.detail}", style="dim") if record.detail else line


def status_table(records: Iterable[ProcessRecord], health: Mapping[str, bool]) -> Table:
    """Every process: whether it is healthy now, where it is reached, its pid and restarts."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in ("process", "health", "where", "pid", "restarts"):
        table.add_column(column, no_wrap=column != "where", overflow="fold")
    for record in records:
        healthy = health.get(record.name, False)
        word = "healthy" if healthy else record.status if record.status != "ready" else "not answering"
        pid, restarts = str(record.pid or "–"), str(record.restarts or "–")
        style = "green" if healthy else "bold red"
        table.add_row(record.name, Text(word, style=style), record.url.removeprefix("http://"), pid, restarts)
    return table


def url_table(edge_url: str, records: Mapping[str, ProcessRecord]) -> Table:
    """Where to look."""
    table = Table.grid(padding=(0, 2))
    table.add_row("  ", Text("the platform", style="bold"), f"{edge_url}  (with a token)")
    table.add_row("  ", "tokens", f"{edge_url}/identity/oauth2/token")
    table.add_row("  ", "its API", f"{edge_url}/gateway/openapi.json")
    table.add_row("  ", "a client", ".local/demo-client.json")
    for record in records.values():
        if record.name != "edge":
            table.add_row("  ", Text(record.name, style="dim"), Text(record.url, style="dim"))
    return table


def _is_accident(record: ProcessRecord) -> bool:
    """A restart, or that it is over; an ordinary stop is none."""
    return record.status in ("restarting", "failed") or (record.status == "ready" and record.restarts > 0)


def _mark(record: ProcessRecord) -> RenderableType:
    if record.status in ("starting", "restarting"):
        return Spinner("dots", style=STYLES[record.status])
    mark = {"ready": "✔", "failed": "✘"}.get(record.status, "·")
    return Text(mark, style=STYLES[record.status])
