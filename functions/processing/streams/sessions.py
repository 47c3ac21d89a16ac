"""Open sessions: a part's bounds are those of one micro-batch; overlapping parts of a key are one session."""

from collections.abc import Iterable, Set
from dataclasses import replace

import polars as pl

from functions.processing.streams.parts import Due, Merge, OpenWindows, Pane, WindowId
from functions.processing.streams.program import Program
from functions.processing.streams.windows import WindowRule, merged_sessions

_WAS_START, _WAS_END, _IS_NEW = "__was_start", "__was_end", "__is_new"


class Sessions(OpenWindows):
    """Sessions whose result is given once, when they are closed."""

    def __init__(self, rule: WindowRule, program: Program) -> None:
        super().__init__(rule, program)
        self._own = (program.key, program.start, program.end)
        self._parts: pl.DataFrame | None = None

    def add(self, parts: pl.DataFrame) -> None:
        """The parts with the sessions that they make together."""
        if parts.height:
            both = parts if self._parts is None else pl.concat([self._parts, parts])
            self._parts = merged_sessions(both, *self._own)

    def due(self, watermark: int, *, early: bool) -> Due | None:
        """Sessions that take no more messages. They are given once, so no pane is noted."""
        if self._parts is None:
            return None
        closed = self._parts.filter(self._is_closed(watermark))
        return Due(closed) if closed.height else None

    def fired(self, panes: Iterable[Pane]) -> None:
        """Nothing: a session that was given is closed."""

    def close(self, watermark: int) -> None:
        """The closed ones go."""
        if self._parts is not None:
            left = self._parts.filter(~self._is_closed(watermark))
            self._parts = left if left.height else None

    def parts(self) -> pl.DataFrame | None:
        """Of all sessions."""
        return self._parts

    def panes(self) -> list[tuple[Pane, bool]]:
        """None: see `fired`."""
        return []

    def restore(self, panes: Iterable[tuple[Pane, bool]]) -> None:
        """Nothing to put back."""

    def compact(self, merge: Merge) -> None:
        """Parts of one session become one."""
        if self._parts is not None:
            self._parts = merge(self._parts)

    def _is_closed(self, watermark: int) -> pl.Expr:
        return pl.col(self._program.end) + self._rule.lateness <= watermark


class EarlySessions(Sessions):
    """Sessions that are given early as well: what is known of each under its present bounds follows it as it grows."""

    def __init__(self, rule: WindowRule, program: Program) -> None:
        super().__init__(rule, program)
        self._given: dict[WindowId, Pane] = {}
        self._changed: set[WindowId] = set()

    def add(self, parts: pl.DataFrame) -> None:
        """The sessions that get new parts take over what was given of those that they are made of."""
        if not parts.height:
            return
        old = [] if self._parts is None else [self._marked(self._parts, is_new=False)]
        merged = merged_sessions(pl.concat([*old, self._marked(parts, is_new=True)]), *self._own)
        touched = merged.filter(pl.col(_IS_NEW).any().over(self._own))
        for key, start, end, *was in touched.select(*self._own, _WAS_START, _WAS_END).unique().iter_rows():
            self._join((key, *was), (key, start, end))
        self._parts = merged.drop(_WAS_START, _WAS_END, _IS_NEW)

    def due(self, watermark: int, *, early: bool) -> Due | None:
        """Sessions that take no more messages; with `early` also those that have changed since they were given."""
        if self._parts is None:
            return None
        wanted = {*self._closing(watermark), *(self._changed if early else ())}
        if not wanted:
            return None
        ids = sorted(wanted)
        chosen = pl.DataFrame(ids, schema={name: self._parts.schema[name] for name in self._own}, orient="row")
        return Due(self._parts.join(chosen, on=self._own, how="semi"), tuple(map(self._next, ids)))

    def marked(self, panes: tuple[Pane, ...], given: Set[WindowId]) -> tuple[Pane, ...]:
        """Those of sessions without a result are empty."""
        return tuple(replace(pane, is_empty=_id(pane) not in given) for pane in panes)

    def fired(self, panes: Iterable[Pane]) -> None:
        """The panes count up. A result under the present bounds is all that is known from then on."""
        for pane in panes:
            former = pane.former if pane.is_empty else (pane.bounds,)
            self._given[_id(pane)] = replace(pane, former=former, is_empty=False)
            self._changed.discard(_id(pane))

    def close(self, watermark: int) -> None:
        """What was given of the closed ones is final."""
        for session in self._closing(watermark):
            self._given.pop(session, None)
            self._changed.discard(session)
        super().close(watermark)

    def panes(self) -> list[tuple[Pane, bool]]:
        """Of the open sessions that were given."""
        return [(pane, session in self._changed) for session, pane in self._given.items()]

    def restore(self, panes: Iterable[tuple[Pane, bool]]) -> None:
        """Counts and marks; a session that was not given has changed."""
        for pane, changed in panes:
            self._given[_id(pane)] = pane
            (self._changed.add if changed else self._changed.discard)(_id(pane))

    def _marked(self, parts: pl.DataFrame, *, is_new: bool) -> pl.DataFrame:
        was = (pl.col(self._program.start).alias(_WAS_START), pl.col(self._program.end).alias(_WAS_END))
        return parts.with_columns(*was, pl.lit(is_new).alias(_IS_NEW))

    def _join(self, was: WindowId, now: WindowId) -> None:
        self._changed.discard(was)
        self._changed.add(now)
        joining = self._given.pop(was, None)
        if joining is None:
            return
        there = self._given.get(now, joining)
        former = tuple(sorted({*joining.former, *there.former}))
        self._given[now] = Pane(now[1], now[2], max(joining.number, there.number), now[0], former)

    def _next(self, session: WindowId) -> Pane:
        key, start, end = session
        given = self._given.get(session)
        return Pane(start, end, 1, key) if given is None else replace(given, number=given.number + 1)

    def _closing(self, watermark: int) -> list[WindowId]:
        if self._parts is None:
            return []
        return self._parts.filter(self._is_closed(watermark)).select(self._own).unique().rows()


def _id(pane: Pane) -> WindowId:
    return str(pane.key), pane.start, pane.end
