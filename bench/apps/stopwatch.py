"""Counts what a consumer has handled and reports the rate between its first and its last message."""

import os
from pathlib import Path
from time import perf_counter

import orjson


class Stopwatch:
    """Writes `{"rate"}` to BENCH_REPORT when BENCH_COUNT messages were handled."""

    def __init__(self) -> None:
        self._wanted = int(os.environ["BENCH_COUNT"])
        self._report = Path(os.environ["BENCH_REPORT"])
        self._handled = 0
        self._first_at = 0.0

    def handled(self) -> bool:
        """One more; true when it was the last one."""
        now = perf_counter()
        self._first_at = self._first_at or now
        self._handled += 1
        if self._handled == self._wanted:
            rate = (self._wanted - 1) / (now - self._first_at)
            draft = self._report.with_suffix(".draft")
            draft.write_bytes(orjson.dumps({"rate": rate}))
            draft.replace(self._report)
        return self._handled >= self._wanted
