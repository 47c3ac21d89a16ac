"""A stream's query as three: over a micro-batch, over parts of one window into fewer parts, and into its result.

The parts of a window are rows of partial aggregates (as of a job's chunks), one per micro-batch, key and window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlglot import exp

from functions.processing.errors import QueryRefused
from functions.processing.sql import guard
from functions.processing.sql.aggregates import NotSplittable
from functions.processing.sql.catalog import catalog
from functions.processing.sql.engine import Limits, Sandbox, _ArrowStream, narrowed
from functions.processing.sql.growth import growing
from functions.processing.sql.planner import make_plan
from functions.processing.sql.splitting import PARTS, SplitQuery, split_query
from functions.processing.streams.definition import StreamDefinition
from functions.processing.streams.records import END, KEY, START, schema_of

OWN = (KEY, START, END)
LIMITS = Limits(memory_mib=512, time_s=10)
"""What one micro-batch of one stream may use."""

_REFUSED = {
    "group": "GROUP BY", "distinct": "DISTINCT", "order": "ORDER BY", "limit": "LIMIT", "offset": "OFFSET",
    "with_": "WITH", "joins": "a join", "qualify": "QUALIFY", "windows": "a named window", "sample": "a sample",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """The compiled query. `key`, `start` and `end` are the names of the parts' own columns.

    `merge_sql` is None when parts can't be merged without loss; then a window keeps all of them until it closes.
    `leaves_out`: of a window that is given more than once, a key may have a result at first and none later.
    """

    columns: tuple[str, ...]
    map_sql: str
    merge_sql: str | None
    reduce_sql: str
    output: tuple[str, ...]
    key: str
    start: str
    end: str
    leaves_out: bool


def compile_query(stream: StreamDefinition) -> Program:
    """Compile a stream's query. Raises QueryRefused or QueryFailed with the reason."""
    tree = guard.parse(stream.query, ())
    if found := growing(tree):
        raise QueryRefused(f"values of any size could come of: {', '.join(sorted(found))}; only jobs may use them")
    text = _grouped(tree)
    empty = pl.DataFrame(schema=schema_of(stream))
    plan = make_plan(text, {guard.INPUT: empty})
    try:
        parts = split_query(guard.parse(text, ()), {guard.INPUT: empty.columns}, catalog())
    except NotSplittable as obstacle:
        raise QueryRefused(f"the query can't be computed as messages come: {obstacle}") from None
    if not plan.distributed or plan.bucket_sql is not None:
        raise QueryRefused(f"the query can't be computed as messages come: {plan.reason}")
    names = {part.name: name for part, name in zip(parts.parts, parts.names, strict=True) if part.name in OWN}
    return Program(
        columns=tuple(name for name in plan.columns if name not in OWN),
        map_sql=plan.map_sql,
        merge_sql=_merge_sql(parts, empty, plan.map_sql),
        reduce_sql=plan.reduce_sql,
        output=tuple(name for name in plan.output if name not in OWN),
        key=names[KEY],
        start=names[START],
        end=names[END],
        leaves_out=stream.has_many_panes and tree.args.get("having") is not None,
    )


def _grouped(tree: exp.Query) -> str:
    """The query per key and window."""
    if not isinstance(tree, exp.Select):
        raise QueryRefused("a stream's query is one SELECT of aggregates, without UNION")
    for clause, name in _REFUSED.items():
        if tree.args.get(clause):
            raise QueryRefused(f"{name} has no place in a stream's query: it runs per key and window")
    source = tree.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or list(tree.find_all(exp.Subquery)):
        raise QueryRefused(f"a stream's query reads FROM {guard.INPUT} and nothing else")
    if any(column.name.startswith("__") for column in tree.find_all(exp.Identifier)):
        raise QueryRefused("names that begin with __ are the engine's own")
    grouped = tree.copy()
    own = [exp.column(name, quoted=True) for name in OWN]
    grouped.set("expressions", [*own, *tree.expressions])
    grouped.set("group", exp.Group(expressions=[column.copy() for column in own]))
    return grouped.sql(dialect="duckdb")


def _merge_sql(parts: SplitQuery, empty: pl.DataFrame, map_sql: str) -> str | None:
    try:
        merged = [_merged(part) for part in parts.parts]
    except NotSplittable:
        return None
    with Sandbox({guard.INPUT: empty}) as sandbox:
        types = [kind for _, kind in sandbox.describe(map_sql)]
    columns = [
        f'CAST({template.format(f"{chr(34)}{name}{chr(34)}")} AS {kind}) AS "{name}"'
        for template, name, kind in zip(merged, parts.names, types, strict=True)
    ]
    keys = [f'"{name}"' for part, name in zip(parts.parts, parts.names, strict=True) if part.name in OWN]
    return f"SELECT {', '.join(columns)} FROM {PARTS} GROUP BY {', '.join(keys)}"  # noqa: S608 - our own names


def _merged(part: exp.Expr) -> str:
    """How two parts of one kind become one. Raises NotSplittable."""
    if isinstance(part, exp.Column) and part.name in OWN:
        return "{}"
    bare = part.this if isinstance(part, exp.Filter) else part
    if isinstance(bare, exp.Anonymous) and bare.name.upper() == "LIST":
        distinct = bool(bare.expressions) and isinstance(bare.expressions[0], exp.Distinct)
        return "LIST_DISTINCT(FLATTEN(LIST({})))" if distinct else "FLATTEN(LIST({}))"
    template = _MERGES.get(type(bare))
    if template is None:
        raise NotSplittable(f"{bare.key} can't be merged")
    return template


_MERGES: dict[type[exp.Expr], str] = {
    exp.Count: "SUM({})",
    exp.CountIf: "SUM({})",
    exp.Sum: "SUM({})",
    exp.Min: "MIN({})",
    exp.Max: "MAX({})",
    exp.LogicalAnd: "BOOL_AND({})",
    exp.LogicalOr: "BOOL_OR({})",
}


class Runner:
    """Runs a program in one engine that is kept between micro-batches. For one thread at a time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._sandbox = _KeptSandbox({}, LIMITS)

    def map(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The parts of a micro-batch. Raises QueryFailed."""
        return self._over(guard.INPUT, batch, self._program.map_sql)

    def merge(self, parts: pl.DataFrame) -> pl.DataFrame:
        """Fewer parts with the same result; the same ones when the query's parts can't be merged."""
        if self._program.merge_sql is None:
            return parts
        return self._over(PARTS, parts, self._program.merge_sql).cast(parts.schema)

    def reduce(self, parts: pl.DataFrame) -> list[dict[str, Any]]:
        """The results, one per key and window in the parts: `__key`, `__start`, `__end` and the query's columns."""
        return narrowed(self._over(PARTS, parts, self._program.reduce_sql)).to_dicts()

    def close(self) -> None:
        """Give the engine back."""
        self._sandbox.__exit__()

    def _over(self, name: str, frame: pl.DataFrame, query: str) -> pl.DataFrame:
        if self._sandbox.is_hurt:
            self._sandbox.__exit__()
            self._sandbox = _KeptSandbox({}, LIMITS)
        return self._sandbox.over(name, frame, query)


class _KeptSandbox(Sandbox):
    @property
    def is_hurt(self) -> bool:
        return self._hurt

    def over(self, name: str, frame: pl.DataFrame, query: str) -> pl.DataFrame:
        self._connection.register(name, _ArrowStream(frame))
        try:
            return self.run(query)
        finally:
            self._connection.unregister(name)


def concatenated(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all frames (at least one)."""
    return frames[0] if len(frames) == 1 else pl.concat(frames)
