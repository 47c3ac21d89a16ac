"""From one query to two: what every chunk computes, and what is computed over the parts (MapReduce for SQL)."""

from collections.abc import Mapping

import polars as pl
from sqlglot import exp

from chassis.models import Contract
from functions.processing.errors import QueryFailed, QueryRefused
from functions.processing.sql import guard
from functions.processing.sql.aggregates import NotSplittable
from functions.processing.sql.catalog import catalog
from functions.processing.sql.counting import counted_map_sql, counted_parts, probe_sql, uncount_sql
from functions.processing.sql.engine import Sandbox
from functions.processing.sql.exchange import BUCKETS, Exchange, exchange_query
from functions.processing.sql.growth import growing
from functions.processing.sql.isolation import run_apart
from functions.processing.sql.splitting import PARTS, SplitQuery, split_query

PORTABLE = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "DATE", "TIMESTAMP",
})  # fmt: skip
"""DuckDB types that Parquet carries from a chunk to the reduce step and back unchanged (HUGEINT as DECIMAL(38,0))."""

DEFAULT_BUCKETS = 8
MAX_SPLIT_NODES = 2_000
"""Syntax tree nodes besides WHERE up to which a query is split; the time to split grows with their square."""


class CountedPlan(Contract):
    """The same halves with counted values in the `columns` of the parts.

    `probe_sql` runs over some rows of a chunk: when it finds few different values, the chunk runs `map_sql`. The
    reduce half runs when all chunks did; else `uncount_sql` makes of a counted part what the plan's `map_sql` gives.
    """

    columns: tuple[str, ...]
    probe_sql: str
    map_sql: str
    reduce_sql: str
    uncount_sql: str


class Plan(Contract):
    """How a query runs.

    `map_sql` runs over `input`, one chunk of it, with `columns` of it read; `reduce_sql` over the table
    `reduce_over`, which is all parts one after the other. With `bucket_sql` the chunks only deal out their rows to
    `buckets`, and `bucket_sql` runs over `input`, all rows of one bucket. `distributed` is false when the reduce step
    does the whole work on one node; `reason` says why. `apart`: it runs in processes of its own.
    """

    distributed: bool
    columns: tuple[str, ...]
    map_sql: str
    reduce_sql: str
    reduce_over: str
    output: tuple[str, ...]
    bucket_sql: str | None = None
    buckets: int = 0
    keys: tuple[str, ...] = ()
    reason: str | None = None
    apart: bool = False
    counted: CountedPlan | None = None


def plan_query(query: str, tables: Mapping[str, pl.DataFrame], buckets: int = DEFAULT_BUCKETS) -> Plan:
    """`make_plan`, in a process of its own where even planning could compute values of any size (constants do)."""
    tree = guard.parse(query, [name for name in tables if name != guard.INPUT])
    if not growing(tree):
        return make_plan(query, tables, buckets)
    empty = {name: frame.clear() for name, frame in tables.items()}
    return run_apart(make_plan, query, empty, buckets).model_copy(update={"apart": True, "counted": None})


def make_plan(query: str, tables: Mapping[str, pl.DataFrame], buckets: int = DEFAULT_BUCKETS) -> Plan:
    """Plan a query over `input` and the reference tables; of `input` the frame's schema is used, not its rows.

    Raises QueryRefused when the query is not acceptable or two of its columns have one name, QueryFailed when the
    engine can't bind it (an unknown column, a type that does not fit).
    """
    tree = guard.parse(query, [name for name in tables if name != guard.INPUT])
    names = {name: frame.columns for name, frame in tables.items()}
    with Sandbox({name: frame.clear() for name, frame in tables.items()}) as sandbox:
        output = sandbox.describe(query)
        _refuse_equal_names([name for name, _ in output])
        columns = _columns_read(tree, tables[guard.INPUT].columns)
        try:
            _refuse_long(tree)
            parts = split_query(tree, names, catalog())
            types = _types_of(parts, sandbox)
            plan = _distributed(parts, types, columns, output)
            counting = split_query(tree, names, catalog(), counting=True)
            return plan.model_copy(update={"counted": _counted(counting, types, sandbox, output)})
        except NotSplittable as obstacle:
            reason = str(obstacle)
        except RecursionError:
            return _on_one_node(query, columns, output, "its expressions are nested too deeply")
        try:
            _refuse_long(tree)
            return _by_key(exchange_query(tree, names, catalog()), sandbox, columns, output, buckets)
        except (NotSplittable, RecursionError):
            return _on_one_node(query, columns, output, reason)


def _refuse_long(tree: exp.Query) -> None:
    nodes = sum(1 for _ in tree.walk(prune=lambda node: isinstance(node, exp.Where)))
    if nodes > MAX_SPLIT_NODES:
        raise NotSplittable("its expressions are too many to be split")


def _types_of(parts: SplitQuery, sandbox: Sandbox) -> list[str]:
    """The DuckDB types of the parts, which are the same with and without `counting`. Raises NotSplittable."""
    try:
        types = [kind for _, kind in sandbox.describe(parts.map_sql())]
    except QueryFailed as error:
        raise NotSplittable(f"its parts can't be bound: {error.detail}") from None
    _require_portable(types)
    return types


def _distributed(parts: SplitQuery, types: list[str], columns: tuple[str, ...], output: list[tuple[str, str]]) -> Plan:
    reduce_sql = parts.reduce_sql(parts.typed_parts(types), output)
    _check_reduce(reduce_sql, PARTS, list(zip(parts.names, types, strict=True)), output)
    return Plan(
        distributed=True,
        columns=columns,
        map_sql=parts.map_sql(),
        reduce_sql=reduce_sql,
        reduce_over=PARTS,
        output=tuple(name for name, _ in output),
    )


def _counted(
    parts: SplitQuery, types: list[str], sandbox: Sandbox, output: list[tuple[str, str]]
) -> CountedPlan | None:
    """The halves with counted values; None where there are none to count, or they can't be.

    `types` are those of the parts without counting.
    """
    if not parts.values:
        return None
    try:
        map_sql = counted_map_sql(parts, types)
        found = sandbox.describe(map_sql)
        expected = [
            (name, f"STRUCT(v {kind.removesuffix('[]')}, n UBIGINT)[]" if name in parts.values else kind)
            for name, kind in zip(parts.names, types, strict=True)
        ]
        if found != expected:
            raise NotSplittable("its counted parts would have other types")
        probe = probe_sql(parts)
        sandbox.describe(probe)
        reduce_sql = parts.reduce_sql(counted_parts(parts, [kind for _, kind in found]), output)
        _check_reduce(reduce_sql, PARTS, found, output)
    except (NotSplittable, QueryFailed):
        return None
    return CountedPlan(
        columns=tuple(parts.values),
        probe_sql=probe,
        map_sql=map_sql,
        reduce_sql=reduce_sql,
        uncount_sql=uncount_sql(parts, types),
    )


def _by_key(
    parts: Exchange, sandbox: Sandbox, columns: tuple[str, ...], output: list[tuple[str, str]], buckets: int
) -> Plan:
    try:
        map_sql = parts.map_sql(columns, [kind for _, kind in sandbox.describe(parts.keys_sql())], buckets)
        sandbox.describe(map_sql)
        found = sandbox.describe(parts.bucket_sql())
    except QueryFailed as error:
        raise NotSplittable(f"its buckets can't be bound: {error.detail}") from None
    if found[: len(output)] != output:
        raise NotSplittable("its buckets would give other columns")
    _require_portable([kind for _, kind in found])
    reduce_sql = parts.reduce_sql(output)
    _check_reduce(reduce_sql, BUCKETS, found, output)
    return Plan(
        distributed=True,
        columns=columns,
        map_sql=map_sql,
        reduce_sql=reduce_sql,
        reduce_over=BUCKETS,
        output=tuple(name for name, _ in output),
        bucket_sql=parts.bucket_sql(),
        buckets=buckets,
        keys=tuple(key.sql(dialect="duckdb") for key in parts.keys),
    )


def _require_portable(types: list[str]) -> None:
    for kind in types:
        if kind.rstrip("[]").partition("(")[0] not in PORTABLE:
            raise NotSplittable(f"a part of it is of type {kind}, which is not carried between nodes")


def _check_reduce(reduce_sql: str, table: str, columns: list[tuple[str, str]], output: list[tuple[str, str]]) -> None:
    """The reduce step must bind, and give the very columns and types of the query itself."""
    casts = ", ".join(f"CAST(NULL AS {kind}) AS {_quoted(name)}" for name, kind in columns)
    try:
        with Sandbox({}) as empty:
            found = empty.describe(f"WITH {table} AS (SELECT {casts}) SELECT * FROM ({reduce_sql})")  # noqa: S608
    except QueryFailed as error:
        raise NotSplittable(f"its parts can't be put together: {error.detail}") from None
    if found != output:
        raise NotSplittable("its parts would give columns of other types")


def _on_one_node(query: str, columns: tuple[str, ...], output: list[tuple[str, str]], reason: str) -> Plan:
    names = ", ".join(_quoted(name) for name in columns)
    return Plan(
        distributed=False,
        columns=columns,
        map_sql=f"SELECT {names} FROM {guard.INPUT}",  # noqa: S608 - names are quoted
        reduce_sql=query.strip().rstrip(";"),
        reduce_over=guard.INPUT,
        output=tuple(name for name, _ in output),
        reason=reason,
    )


def _columns_read(tree: exp.Query, columns: list[str]) -> tuple[str, ...]:
    """The columns of `input` that a query may read: those it names anywhere, all when it has a star."""
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)) or tree.find(exp.Columns):
        return tuple(columns)
    names = {identifier.name.casefold() for identifier in tree.find_all(exp.Identifier)}
    if guard.INPUT in {column.name.casefold() for column in tree.find_all(exp.Column)} or _joins_by_nature(tree):
        return tuple(columns)
    return tuple(name for name in columns if name.casefold() in names) or tuple(columns[:1])


def _joins_by_nature(tree: exp.Query) -> bool:
    return any(join.method.upper() == "NATURAL" for join in tree.find_all(exp.Join))


def _refuse_equal_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise QueryRefused(f"two columns of the result are called '{name}'; give one of them an alias")
        seen.add(name.casefold())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
