"""Live progress in the terminal, from what arrives over SignalR."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

STAGES = {
    "validate": "records checked",
    "process": "chunks computed",
    "report": "report files, pages",
    "notify": "deliveries",
}


class LiveProgress:
    """One bar a stage; a stage that says nothing stays at its last word."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  {task.description:<24}"),
            BarColumn(bar_width=36),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self.messages = 0

    def __enter__(self) -> Self:
        self._progress.start()
        for stage, description in STAGES.items():
            self._bars[stage] = self._progress.add_task(description, total=None, start=False, unit="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, message: dict[str, Any]) -> None:
        """Draw one progress message; messages may come out of order, bars never go back."""
        stage = str(message.get("stage"))
        if stage not in self._bars:
            return
        self.messages += 1
        done = max(self._done.get(stage, 0), int(message.get("done") or 0))
        self._done[stage] = done
        self._progress.start_task(self._bars[stage])
        self._progress.update(
            self._bars[stage], completed=done, total=message.get("total"), unit=str(message.get("unit", ""))
        )
