"""Counts what a consumer has handled and reports its rate, once it has warmed up."""

import os
from pathlib import Path
from time import perf_counter

import orjson

WARM_UP = 48
"""Messages that do not count: the first of them wait for connections and for what the SDK imports when first used."""


class Stopwatch:
    """Writes `{"rate"}` to BENCH_REPORT when BENCH_COUNT messages were handled."""

    def __init__(self) -> None:
        self._wanted = int(os.environ["BENCH_COUNT"])
        self._report = Path(os.environ["BENCH_REPORT"])
        self._handled = 0
        self._began_at = 0.0

    def handled(self) -> bool:
        """One more; true when it was the last one."""
        now = perf_counter()
        self._handled += 1
        if self._handled == WARM_UP:
            self._began_at = now
        if self._handled == self._wanted:
            rate = (self._wanted - WARM_UP) / (now - self._began_at)
            draft = self._report.with_suffix(".draft")
            draft.write_bytes(orjson.dumps({"rate": rate}))
            draft.replace(self._report)
        return self._handled >= self._wanted
