"""The open windows of one partition: the parts of each, and which have changed since their last result.

What is open follows from the parts added and the watermark alone, so that a state can be rebuilt from its log.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from functions.processing.streams.definition import Session
from functions.processing.streams.program import Program, concatenated
from functions.processing.streams.windows import Bounds, WindowRule, merged_sessions

Merge = Callable[[pl.DataFrame], pl.DataFrame]
MERGE_AT_FRAMES = 32
"""So many micro-batches' parts of one window are merged into one."""


@dataclass(frozen=True)
class Due:
    """Parts whose windows' results are to be given; `windows` are those of fixed bounds with their next pane."""

    parts: pl.DataFrame
    windows: tuple[tuple[Bounds, int], ...] = ()


class OpenWindows(ABC):
    """The open windows of a partition."""

    def __init__(self, rule: WindowRule, program: Program) -> None:
        self._rule = rule
        self._program = program

    @abstractmethod
    def add(self, parts: pl.DataFrame) -> None:
        """Add the parts of a micro-batch."""

    @abstractmethod
    def due(self, watermark: int, *, early: bool) -> Due | None:
        """What the watermark makes due; with `early` also the windows that are open. None when nothing is."""

    @abstractmethod
    def fired(self, windows: Iterable[tuple[Bounds, int]]) -> None:
        """Note that these panes were given."""

    @abstractmethod
    def close(self, watermark: int) -> None:
        """Forget the windows that take no more messages."""

    @abstractmethod
    def parts(self) -> pl.DataFrame | None:
        """All parts; None when no window is open."""

    @abstractmethod
    def panes(self) -> list[tuple[Bounds, int, bool]]:
        """The windows of fixed bounds: the number of panes given, and whether more has come since."""

    @abstractmethod
    def restore(self, panes: Iterable[tuple[Bounds, int, bool]]) -> None:
        """Put back what `panes` gave, after the parts."""

    @abstractmethod
    def compact(self, merge: Merge) -> None:
        """Merge parts where there are many."""


class FixedWindows(OpenWindows):
    """Tumbling and sliding windows."""

    def __init__(self, rule: WindowRule, program: Program) -> None:
        super().__init__(rule, program)
        self._frames: dict[Bounds, list[pl.DataFrame]] = {}
        self._panes: dict[Bounds, int] = {}
        self._changed: set[Bounds] = set()

    def add(self, parts: pl.DataFrame) -> None:
        """One group of rows per window."""
        for bounds, rows in parts.partition_by(self._program.start, self._program.end, as_dict=True).items():
            window = (int(bounds[0]), int(bounds[1]))
            self._frames.setdefault(window, []).append(rows)
            self._changed.add(window)

    def due(self, watermark: int, *, early: bool) -> Due | None:
        """Changed windows whose end the watermark has passed, and all that close: their last pane is the final one."""
        changed = {window for window in self._changed if early or window[1] <= watermark}
        wanted = sorted(changed | set(self._closing(watermark)))
        if not wanted:
            return None
        frames = [frame for window in wanted for frame in self._frames[window]]
        return Due(concatenated(frames), tuple((window, self._panes.get(window, 0) + 1) for window in wanted))

    def fired(self, windows: Iterable[tuple[Bounds, int]]) -> None:
        """The panes count up."""
        for window, pane in windows:
            self._panes[window] = pane
            self._changed.discard(window)

    def close(self, watermark: int) -> None:
        """Past their end by the allowed lateness."""
        for window in self._closing(watermark):
            del self._frames[window]
            self._panes.pop(window, None)
            self._changed.discard(window)

    def parts(self) -> pl.DataFrame | None:
        """Of all windows."""
        frames = [frame for frames in self._frames.values() for frame in frames]
        return concatenated(frames) if frames else None

    def panes(self) -> list[tuple[Bounds, int, bool]]:
        """Of every open window."""
        return [(window, self._panes.get(window, 0), window in self._changed) for window in self._frames]

    def restore(self, panes: Iterable[tuple[Bounds, int, bool]]) -> None:
        """Counts and marks."""
        for window, pane, changed in panes:
            self._panes[window] = pane
            (self._changed.add if changed else self._changed.discard)(window)

    def compact(self, merge: Merge) -> None:
        """Each window with many micro-batches becomes one frame."""
        for window, frames in self._frames.items():
            if len(frames) >= MERGE_AT_FRAMES:
                self._frames[window] = [merge(concatenated(frames))]

    def _closing(self, watermark: int) -> list[Bounds]:
        return [window for window in self._frames if window[1] + self._rule.lateness <= watermark]


class Sessions(OpenWindows):
    """Session windows: a part's bounds are those of one micro-batch; overlapping parts of a key are one session."""

    def __init__(self, rule: WindowRule, program: Program) -> None:
        super().__init__(rule, program)
        self._parts: pl.DataFrame | None = None

    def add(self, parts: pl.DataFrame) -> None:
        """The parts with the sessions that they make together."""
        if parts.height:
            both = parts if self._parts is None else pl.concat([self._parts, parts])
            self._parts = merged_sessions(both, self._program.key, self._program.start, self._program.end)

    def due(self, watermark: int, *, early: bool) -> Due | None:
        """Sessions that take no more messages. They are given once, so no pane is noted."""
        if self._parts is None:
            return None
        closed = self._parts.filter(self._is_closed(watermark))
        return Due(closed) if closed.height else None

    def fired(self, windows: Iterable[tuple[Bounds, int]]) -> None:
        """Nothing: a session that was given is closed."""

    def close(self, watermark: int) -> None:
        """The closed ones go."""
        if self._parts is not None:
            left = self._parts.filter(~self._is_closed(watermark))
            self._parts = left if left.height else None

    def parts(self) -> pl.DataFrame | None:
        """Of all sessions."""
        return self._parts

    def panes(self) -> list[tuple[Bounds, int, bool]]:
        """None: see `fired`."""
        return []

    def restore(self, panes: Iterable[tuple[Bounds, int, bool]]) -> None:
        """Nothing to put back."""

    def compact(self, merge: Merge) -> None:
        """Parts of one session become one."""
        if self._parts is not None:
            self._parts = merge(self._parts)

    def _is_closed(self, watermark: int) -> pl.Expr:
        return pl.col(self._program.end) + self._rule.lateness <= watermark


def open_windows(rule: WindowRule, program: Program) -> OpenWindows:
    """Nothing open yet."""
    return (Sessions if isinstance(rule.window, Session) else FixedWindows)(rule, program)
