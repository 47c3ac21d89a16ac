"""What a bench is made of: two sides that do the same, and a measurement of each that can be repeated."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field


class BenchError(RuntimeError):
    """A bench can't run, or a side did not do its work; the message says which and why."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: `rounds` of both sides, about `seconds` each; `quick` picks the smaller inputs."""

    rounds: int = 7
    seconds: float = 3.0
    quick: bool = False


@dataclass(frozen=True)
class Sample:
    """One side in one round: its figure in the contest's unit, and what else was seen (`"p99 ms"` → value)."""

    value: float
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One that is measured. `measure` may be repeated; it raises BenchError when the work was not done right."""

    label: str
    measure: Callable[[], Awaitable[Sample]]


@dataclass(frozen=True)
class Contest:
    """Ours beside a peer. The ratio is ours / peer; with `is_cost` the smaller one is the better one.

    With `rounds` it has so many whatever the effort, and none to warm up: for what takes minutes.
    """

    name: str
    unit: str
    ours: Side
    peer: Side
    goal: float | None = None
    is_cost: bool = False
    rounds: int | None = None


Contests = Callable[[Effort], AbstractAsyncContextManager[Sequence[Contest]]]
"""Sets a bench up, gives its contests, and leaves nothing behind."""
