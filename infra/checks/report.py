"""What a check found, or why it did not run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One check: its name as printed, and what yields a line per mistake. Raises Skipped when it can't run here."""

    name: str
    run: Callable[[], Iterable[str]]


class Skipped(Exception):
    """A check that can't run here; the message says why, and with what it would."""


@dataclass(frozen=True)
class Outcome:
    """One check's end: its mistakes, or the reason why it was skipped, and how long it took."""

    name: str
    seconds: float
    mistakes: tuple[str, ...] = ()
    skipped: str | None = None

    def lines(self) -> Iterator[str]:
        """What is printed of it."""
        state = "skipped" if self.skipped else "failed" if self.mistakes else "ok"
        yield f"  {state:<8}{self.name} ({self.seconds:.1f} s)" + (f": {self.skipped}" if self.skipped else "")
        yield from (f"            {mistake}" for mistake in self.mistakes)
