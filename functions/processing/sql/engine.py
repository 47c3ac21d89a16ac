"""DuckDB in a sandbox: no file, network, extension, setting or Python object can be reached from a query."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import duckdb
import polars as pl

from functions.processing.errors import QueryFailed
from functions.processing.sql.guard import first_line

LOCKED_DOWN = {
    "threads": "1",
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",
}


@dataclass(frozen=True)
class Limits:
    """What one query may use: memory in MiB and time in seconds."""

    memory_mib: int = 1024
    time_s: float = 60.0


class _ArrowStream:
    """Hands a frame over by the Arrow C stream interface alone, for which DuckDB needs no pyarrow."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


ENGINES_KEPT = 4
"""Idle engines that a process keeps: an engine takes 14 ms to open, a cursor of one less than one."""

_idle: dict[int, deque[duckdb.DuckDBPyConnection]] = {}
"""Locked engines by their memory in MiB. `deque` takes and gives atomically; no engine is ever used by two at once."""


def _engine(memory_mib: int) -> duckdb.DuckDBPyConnection:
    """An idle engine, else a new one. Its configuration is locked before any query runs in it."""
    try:
        return _idle.setdefault(memory_mib, deque(maxlen=ENGINES_KEPT)).pop()
    except IndexError:
        engine = duckdb.connect(":memory:", config={**LOCKED_DOWN, "memory_limit": f"{memory_mib}MiB"})
        engine.execute("SET python_enable_replacements = false")
        engine.execute("SET lock_configuration = true")
        return engine


class Sandbox:
    """A cursor of its own on an engine that nobody else uses, over the given tables; a context manager, in one thread.

    The tables are temporary views of the cursor and go with it. An engine that a query has hurt (out of memory,
    interrupted, a fatal error) is closed, any other is used again.
    """

    def __init__(self, tables: Mapping[str, pl.DataFrame], limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._engine = _engine(self._limits.memory_mib)
        self._connection = self._engine.cursor()
        self._hurt = False
        for name, frame in tables.items():
            self._connection.register(name, _ArrowStream(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        if self._hurt:
            self._engine.close()
        else:
            _idle[self._limits.memory_mib].append(self._engine)

    def run(self, query: str) -> pl.DataFrame:
        """Run one SELECT. Raises QueryFailed with the engine's message, or when the time is up."""
        with self._watched():
            result: Any = self._connection.sql(query).materialize()
            return pl.DataFrame(result)

    def describe(self, query: str) -> list[tuple[str, str]]:
        """The name and DuckDB type of each column of a SELECT. Raises QueryFailed when it can't be bound."""
        with self._watched():
            rows = self._connection.execute(f"DESCRIBE {query}").fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    @contextmanager
    def _watched(self) -> Iterator[None]:
        timer = threading.Timer(self._limits.time_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            self._hurt = True
            raise QueryFailed(f"the query ran longer than {self._limits.time_s:g} s") from None
        except duckdb.Error as error:
            self._hurt = not isinstance(error, duckdb.ProgrammingError | duckdb.DataError)
            raise QueryFailed(first_line(error)) from None
        finally:
            timer.cancel()


def narrowed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with whole 128-bit numbers (HUGEINT, as SUM gives) as 64-bit ones where every value fits."""
    small = 2**63 - 1
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Decimal) and kind.scale == 0 and kind.precision == 38:
            column = frame[name]
            ends = [value for value in (column.min(), column.max()) if value is not None]
            if all(-small <= int(str(value)) <= small for value in ends):
                frame = frame.with_columns(column.cast(pl.Int64))
    return frame
