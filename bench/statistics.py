"""The few numbers by which repeated measurements are told."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some values."""

    median: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Raises ValueError when there are none."""
        ordered = sorted(values)
        if not ordered:
            raise ValueError("there is nothing to tell the spread of")
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the others lie, by the nearest rank. Raises ValueError for none."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
