"""A planned query's steps, run: the part of a chunk, and the result from the parts."""

from collections.abc import Mapping, Sequence

import polars as pl

from functions.processing.sql.engine import Sandbox, narrowed
from functions.processing.sql.guard import INPUT
from functions.processing.sql.isolation import run_apart
from functions.processing.sql.planner import CountedPlan, Plan
from functions.processing.sql.splitting import PARTS

PROBED_ROWS = 20_000
WORTH_COUNTING = 0.5
"""Values are counted when the rows that were looked at have at most so many different ones in each: with more, counting
takes longer than it saves."""


def run_query(query: str, tables: Mapping[str, pl.DataFrame], *, apart: bool = False) -> pl.DataFrame:
    """One SELECT over the tables, here or in a process of its own. Raises QueryFailed."""
    if apart:
        return run_apart(run_query, query, tables)
    with Sandbox(tables) as sandbox:
        return sandbox.run(query)


def run_map(plan: Plan, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The part of one chunk, whose rows are the table `input`. Raises QueryFailed."""
    counted = plan.counted
    if counted is not None and _repeat(counted, tables):
        return run_query(counted.map_sql, tables)
    return run_query(plan.map_sql, tables, apart=plan.apart)


def run_reduce(plan: Plan, parts: Sequence[pl.DataFrame], tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The result from all parts, in the order of their chunks. Raises QueryFailed."""
    sql, counted = plan.reduce_sql, plan.counted
    if counted is not None:
        if all(_is_counted(counted, part) for part in parts):
            sql = counted.reduce_sql
        else:
            parts = [_uncounted(counted, part) for part in parts]
    return narrowed(run_query(sql, {**tables, plan.reduce_over: pl.concat(parts)}, apart=plan.apart))


def _repeat(counted: CountedPlan, tables: Mapping[str, pl.DataFrame]) -> bool:
    """Whether the values of the chunk's first rows repeat often."""
    rows = tables[INPUT].head(PROBED_ROWS)
    found, of = run_query(counted.probe_sql, {**tables, INPUT: rows}).row(0)
    return float(found) <= WORTH_COUNTING * float(of or 0)


def _is_counted(counted: CountedPlan, part: pl.DataFrame) -> bool:
    kind = part.schema[counted.columns[0]]
    return isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct)


def _uncounted(counted: CountedPlan, part: pl.DataFrame) -> pl.DataFrame:
    return run_query(counted.uncount_sql, {PARTS: part}) if _is_counted(counted, part) else part
