"""Which windows a moment lies in, and when a message is late. Times are microseconds since the epoch.

A window is [start, end). The rules are those of the Dataflow model (Akidau et al., VLDB 2015): a message is late for
a window when the watermark has passed the window's end by the allowed lateness.
"""

from dataclasses import dataclass

import polars as pl

from functions.processing.streams.definition import Session, Sliding, StreamDefinition, Tumbling, Window

US = 1_000_000
Bounds = tuple[int, int]
NEVER = -(2**62)
"""The watermark of a partition that has seen nothing."""


def microseconds(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * US)


@dataclass(frozen=True)
class WindowRule:
    """The windows of a stream and how long they take messages."""

    window: Window
    delay: int
    lateness: int

    @classmethod
    def of(cls, stream: StreamDefinition) -> "WindowRule":
        """The rule of a stream."""
        return cls(stream.window, microseconds(stream.watermark_delay_s), microseconds(stream.allowed_lateness_s))

    @property
    def size(self) -> int:
        """The length of a window; of a session the gap."""
        match self.window:
            case Session(gap_s=gap):
                return microseconds(gap)
            case Tumbling(size_s=size) | Sliding(size_s=size):
                return microseconds(size)

    def windows_of(self, time: int) -> list[Bounds]:
        """The windows of a message, the latest first; of a session its own part, [time, time + gap)."""
        match self.window:
            case Tumbling():
                start = time - time % self.size
                return [(start, start + self.size)]
            case Sliding(every_s=seconds):
                every = microseconds(seconds)
                last = time - time % every
                return [(start, start + self.size) for start in range(last, time - self.size, -every)]
            case Session():
                return [(time, time + self.size)]

    def open_windows_of(self, time: int, watermark: int) -> list[Bounds]:
        """The windows of a message that still take it, at this watermark; none when it is late for all.

        A session takes what is not older than the watermark by more than the lateness. So no message can join two
        sessions one of which is closed, and the result does not depend on how messages fall into micro-batches.
        """
        if isinstance(self.window, Session):
            return self.windows_of(time) if time + self.lateness >= watermark else []
        return [bounds for bounds in self.windows_of(time) if bounds[1] + self.lateness > watermark]


def merged_sessions(parts: pl.DataFrame, key: str, start: str, end: str) -> pl.DataFrame:
    """The rows with `start` and `end` of the session that each belongs to: overlapping rows of a key are one session.

    Rows are ordered by key and start afterwards.
    """
    ordered = parts.sort(key, start, end)
    reach = pl.col(end).cum_max().shift(1).over(key)
    begins = (reach.is_null() | (pl.col(start) >= reach)).cast(pl.Int64)
    numbered = ordered.with_columns(begins.cum_sum().alias("__session"))
    bounds = [pl.col(start).min().over("__session"), pl.col(end).max().over("__session")]
    return numbered.with_columns(bounds).drop("__session")
