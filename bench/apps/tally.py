"""What a consumer has done so far, for whoever measures it: a small file that is replaced at every batch."""

import os
import resource
import time
from pathlib import Path
from threading import Lock

import orjson


class Tally:
    """Writes `{"count", "first", "last", "marks", …}` to BENCH_TALLIES/<pid>.json; times of the clock.

    `marks` are how many were done, and when, as each number of BENCH_MARKS (with commas between) was passed; there are
    `rssMiB` and `peakMiB`, too.
    """

    def __init__(self) -> None:
        folder = os.environ.get("BENCH_TALLIES")
        self._file = Path(folder) / f"{os.getpid()}.json" if folder else None
        self._count = 0
        self._first: float | None = None
        self._marks_at = [int(text) for text in os.environ.get("BENCH_MARKS", "").split(",") if text]
        self._marks: list[tuple[int, float]] = []
        self._written = 0.0
        self._lock = Lock()  # handlers run on threads

    def begin(self) -> None:
        """The work begins, if it has not yet."""
        if self._first is None:
            self._first = time.time()

    def add(self, count: int, *, every_s: float = 0.0) -> None:
        """So many more; written when the last writing is `every_s` ago."""
        with self._lock:
            self._count += count
            now = time.time()
            if self._marks_at and self._count >= self._marks_at[0]:
                self._marks_at.pop(0)
                self._marks.append((self._count, now))
            if self._file is None or now - self._written < every_s:
                return
            self._written = now
            report = {"count": self._count, "first": self._first, "last": now, "marks": self._marks, **_memory()}
            draft = self._file.with_suffix(".draft")
            draft.write_bytes(orjson.dumps(report))
            draft.replace(self._file)


def _memory() -> dict[str, float]:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "rssMiB": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
    }
