"""The state of a stream on one partition: a fold over the steps of its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from functions.processing.messages.seen import SeenIds
from functions.processing.streams.definition import Session, StreamDefinition
from functions.processing.streams.parts import FixedWindows, Merge, OpenWindows, Pane
from functions.processing.streams.program import Program
from functions.processing.streams.sessions import EarlySessions, Sessions
from functions.processing.streams.windows import NEVER, WindowRule, microseconds

BUCKETS = 16
"""About so many buckets of ids are live at a time."""


@dataclass(frozen=True)
class WindowResult:
    """One pane of one key's window; `final` when no later one will come. Bounds in microseconds."""

    key: str
    start: int
    end: int
    pane: int
    final: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What one micro-batch, or a tick of the clock, does to the state, and what it gives out.

    `ids` are digests by bucket; `fired` are the panes of windows that count them: all but sessions given once.
    """

    watermark: int
    parts: pl.DataFrame | None = None
    ids: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    fired: tuple[Pane, ...] = ()
    results: tuple[WindowResult, ...] = ()
    late: tuple[bytes, ...] = ()
    counted: int = 0
    duplicates: int = 0


class StreamState:
    """Open windows, watermark and ids. `absorb` is all that changes it, live and from the log."""

    def __init__(self, stream: StreamDefinition, program: Program) -> None:
        self.rule = WindowRule.of(stream)
        self.memory = self.rule.size + self.rule.lateness + self.rule.delay + microseconds(stream.deduplicate_s)
        self.watermark = NEVER
        self.seen = SeenIds(width=max(1, self.memory // BUCKETS))
        self.windows: OpenWindows = _none_open(stream, self.rule, program)
        self.counted = 0

    def absorb(self, step: Step) -> None:
        """Apply a step."""
        self.begin(step.parts)
        self.finish(step)

    def begin(self, parts: pl.DataFrame | None) -> None:
        """The first half: the parts, from which the step's results follow."""
        if parts is not None and parts.height:
            self.windows.add(parts)

    def finish(self, step: Step) -> None:
        """The second half: ids, what was given, and what is over."""
        for bucket, digests in step.ids.items():
            self.seen.add(bucket, digests)
        self.counted += step.counted
        self.watermark = step.watermark
        self.windows.fired(step.fired)
        self.windows.close(step.watermark)
        # A message of a forgotten bucket is late for all its windows, so that a copy of it can't be counted again.
        self.seen.forget_before(step.watermark - self.memory)

    def compact(self, merge: Merge) -> None:
        """Take less room without another result."""
        self.windows.compact(merge)


def _none_open(stream: StreamDefinition, rule: WindowRule, program: Program) -> OpenWindows:
    if not isinstance(stream.window, Session):
        return FixedWindows(rule, program)
    return (EarlySessions if stream.has_early_sessions else Sessions)(rule, program)
