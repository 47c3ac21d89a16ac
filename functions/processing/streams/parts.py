"""The open windows of one partition: the parts of each, and which have changed since their last result.

What is open follows from the parts added and the watermark alone, so that a state can be rebuilt from its log.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

import polars as pl

from functions.processing.streams.program import Program, concatenated
from functions.processing.streams.windows import Bounds, WindowRule

Merge = Callable[[pl.DataFrame], pl.DataFrame]
WindowId = tuple[str, int, int]
"""Key, start and end."""
MERGE_AT_FRAMES = 32
"""So many micro-batches' parts of one window are merged into one."""


@dataclass(frozen=True, slots=True)
class Pane:
    """The `number`th result of a window: one of fixed bounds for all its keys, of a session for its `key`.

    `former` are the bounds under which earlier results are known; this pane takes their place. `is_empty`: there is no
    result now, as HAVING leaves it out. For a window of fixed bounds whose keys HAVING may leave out, a pane with a key
    says besides that the key has a result from now on, or has none any more.
    """

    start: int
    end: int
    number: int
    key: str | None = None
    former: tuple[Bounds, ...] = ()
    is_empty: bool = False

    @property
    def bounds(self) -> Bounds:
        """Start and end."""
        return self.start, self.end

    @property
    def replaced(self) -> tuple[Bounds, ...]:
        """The former bounds under which nothing is to be found any more."""
        return tuple(bounds for bounds in self.former if self.is_empty or bounds != self.bounds)


@dataclass(frozen=True)
class Due:
    """Parts whose windows' results are to be given, and the next pane of each; sessions given once have none."""

    parts: pl.DataFrame
    panes: tuple[Pane, ...] = ()


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

    def marked(self, panes: tuple[Pane, ...], given: Set[WindowId]) -> tuple[Pane, ...]:
        """The panes to be noted, where these keys' windows have a result."""
        del given
        return panes

    @abstractmethod
    def fired(self, panes: Iterable[Pane]) -> None:
        """Note that these panes were given."""

    @abstractmethod
    def close(self, watermark: int) -> None:
        """Forget the windows that take no more messages."""

    @abstractmethod
    def parts(self) -> pl.DataFrame | None:
        """All parts; None when no window is open."""

    @abstractmethod
    def panes(self) -> list[tuple[Pane, bool]]:
        """The last pane given of each window that counts them, and whether more has come since."""

    @abstractmethod
    def restore(self, panes: Iterable[tuple[Pane, bool]]) -> None:
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
        self._given: dict[Bounds, set[str]] = {}
        """The keys with a result, where HAVING may leave one out later."""

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
        return Due(concatenated(frames), tuple(Pane(*window, self._panes.get(window, 0) + 1) for window in wanted))

    def marked(self, panes: tuple[Pane, ...], given: Set[WindowId]) -> tuple[Pane, ...]:
        """With one for each key that has a result for the first time, or has none any more."""
        if not self._program.leaves_out:
            return panes
        keys: dict[Bounds, set[str]] = {pane.bounds: set() for pane in panes}
        for key, start, end in given:
            keys[start, end].add(key)
        return (*panes, *(marked for pane in panes for marked in self._differing(pane, keys[pane.bounds])))

    def fired(self, panes: Iterable[Pane]) -> None:
        """The panes count up."""
        for pane in panes:
            if pane.key is not None:
                self._note_key(pane, pane.key)
                continue
            self._panes[pane.bounds] = pane.number
            self._changed.discard(pane.bounds)

    def close(self, watermark: int) -> None:
        """Past their end by the allowed lateness."""
        for window in self._closing(watermark):
            del self._frames[window]
            self._panes.pop(window, None)
            self._given.pop(window, None)
            self._changed.discard(window)

    def parts(self) -> pl.DataFrame | None:
        """Of all windows."""
        frames = [frame for frames in self._frames.values() for frame in frames]
        return concatenated(frames) if frames else None

    def panes(self) -> list[tuple[Pane, bool]]:
        """Of every open window, and of each key in it that is noted."""
        windows = [(Pane(*window, self._panes.get(window, 0)), window in self._changed) for window in self._frames]
        keys = [(Pane(*window, 0, key), False) for window, keys in self._given.items() for key in sorted(keys)]
        return windows + keys

    def restore(self, panes: Iterable[tuple[Pane, bool]]) -> None:
        """Counts and marks."""
        for pane, changed in panes:
            if pane.key is not None:
                self._note_key(pane, pane.key)
                continue
            self._panes[pane.bounds] = pane.number
            (self._changed.add if changed else self._changed.discard)(pane.bounds)

    def compact(self, merge: Merge) -> None:
        """Each window with many micro-batches becomes one frame."""
        for window, frames in self._frames.items():
            if len(frames) >= MERGE_AT_FRAMES:
                self._frames[window] = [merge(concatenated(frames))]

    def _differing(self, pane: Pane, given: set[str]) -> Iterator[Pane]:
        before = self._given.get(pane.bounds, set())
        for key in sorted(given - before):
            yield Pane(*pane.bounds, pane.number, key)
        for key in sorted(before - given):
            yield Pane(*pane.bounds, pane.number, key, (pane.bounds,), is_empty=True)

    def _note_key(self, pane: Pane, key: str) -> None:
        keys = self._given.setdefault(pane.bounds, set())
        (keys.discard if pane.is_empty else keys.add)(key)

    def _closing(self, watermark: int) -> list[Bounds]:
        return [window for window in self._frames if window[1] + self._rule.lateness <= watermark]
