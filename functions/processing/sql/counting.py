"""Quantiles from counted values: a chunk says how often each of its values occurs instead of giving all of them.

The parts of a job are then as large as its different values are many, whatever its rows. A chunk whose values hardly
repeat gives all of them (`SplitQuery.map_sql`); `probe_sql` tells, and `uncount_sql` lets both kinds meet.
"""

from collections.abc import Sequence

from sqlglot import exp

from functions.processing.sql.aggregates import NotSplittable, Pick
from functions.processing.sql.splitting import PARTS, SplitQuery, picked

COUNTED_TYPES = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DOUBLE",
})  # fmt: skip
"""Types between whose values the engine interpolates as DOUBLE; for the others it has rules of their own."""

_VALUE, _TIMES = "__v", "__n"
_ADDED_UP: dict[type[exp.Expr], str] = {
    exp.Count: "SUM",
    exp.CountIf: "SUM",
    exp.Sum: "SUM",
    exp.Min: "MIN",
    exp.Max: "MAX",
    exp.LogicalAnd: "BOOL_AND",
    exp.LogicalOr: "BOOL_OR",
}
"""What makes one part of the parts that the same chunk has for each value."""


def counted_map_sql(halves: SplitQuery, types: Sequence[str]) -> str:
    """A chunk's part with its values counted; `types` are those of `SplitQuery.map_sql`. Raises NotSplittable."""
    known = dict(zip(halves.names, types, strict=True))
    for name in halves.values:
        if known[name].removesuffix("[]") not in COUNTED_TYPES:
            raise NotSplittable(f"values of type {known[name]} are not counted")
    if len(_different(halves)) == 1 and all(_is_added_up(part) for part in _others(halves)):
        return _by_value(halves, known)
    return _by_histograms(halves)


def probe_sql(halves: SplitQuery) -> str:
    """How many different values the rows at hand have, group by group, and how many there are: `found`, `of`."""
    counts = [_values_sql(halves, value, []) for value in _different(halves)]
    one = " UNION ALL ".join(f'SELECT COUNT(*) AS "found", SUM("{_TIMES}") AS "of" FROM ({sql})' for sql in counts)  # noqa: S608 - as below
    return f'SELECT MAX("found") AS "found", MAX("of") AS "of" FROM ({one})'  # noqa: S608 - parts of the checked query


def counted_parts(halves: SplitQuery, types: Sequence[str]) -> str:
    """The parts, each row with what is picked of its group's values."""
    joins = []
    picks = dict.fromkeys(part for part, _ in halves.picks)
    for part in picks:
        same = [f'__typed.{group} IS NOT DISTINCT FROM "{part}".{group}' for group in _groups(halves)]
        joins.append(f'LEFT JOIN ({_picks_sql(halves, part)}) AS "{part}" ON {" AND ".join(same) or "true"}')
    columns = ", ".join(f'"{part}"."{picked(number)}"' for number, (part, _) in enumerate(halves.picks))
    return f"WITH __typed AS ({halves.typed_parts(types)}) SELECT __typed.*, {columns} FROM __typed {' '.join(joins)}"  # noqa: S608 - our own names


def uncount_sql(halves: SplitQuery, types: Sequence[str]) -> str:
    """A counted part as the one that `SplitQuery.map_sql` gives, with these types."""
    every = "FLATTEN(LIST_TRANSFORM({0}, lambda e: LIST_RESIZE([e.v], e.n, e.v)))"
    columns = [
        f'CAST({every.format(_quoted(name)) if name in halves.values else _quoted(name)} AS {kind}) AS "{name}"'
        for name, kind in zip(halves.names, types, strict=True)
    ]
    return f"SELECT {', '.join(columns)} FROM {PARTS}"  # noqa: S608 - our own names


def _by_value(halves: SplitQuery, types: dict[str, str]) -> str:
    """All parts for each value first; then the values with their numbers become one part, and so do the others."""
    (value,) = _different(halves)
    others = [(part, name) for part, name in halves.named() if name not in halves.values]
    columns = [
        f"{_counted_list()} AS {_quoted(name)}" if name in halves.values else _added_up(part, name, types[name])
        for part, name in halves.named()
        if part not in halves.groups
    ]
    groups = _groups(halves)
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    return f"SELECT {', '.join([*groups, *columns])} FROM ({_values_sql(halves, value, others)}){grouped}"  # noqa: S608 - parts of the checked query


def _values_sql(halves: SplitQuery, value: exp.Expr, others: Sequence[tuple[exp.Expr, str]]) -> str:
    """One row for each group and value, with the number of its rows, and other parts."""
    half = halves.bare()
    columns = [exp.alias_(part.copy(), name, quoted=True) for part, name in others]
    times = exp.alias_(exp.Count(this=exp.Star(), big_int=True), _TIMES, quoted=True)
    half.set("expressions", [*columns, exp.alias_(value.copy(), _VALUE, quoted=True), times])
    half.set("group", exp.Group(expressions=[*(group.copy() for group in halves.groups), value.copy()]))
    return half.sql(dialect="duckdb")


def _by_histograms(halves: SplitQuery) -> str:
    half = halves.bare()
    parts = [
        (_histogram(halves.values[name]) if name in halves.values else part, name) for part, name in halves.named()
    ]
    half.set("expressions", [exp.alias_(part.copy(), name, quoted=True) for part, name in parts])
    if halves.groups:
        half.set("group", exp.Group(expressions=[group.copy() for group in halves.groups]))
    return half.sql(dialect="duckdb")


def _histogram(value: exp.Expr) -> exp.Expr:
    text = value.sql(dialect="duckdb")
    counts = f"MAP_ENTRIES(HISTOGRAM({text}) FILTER(WHERE NOT ({text}) IS NULL))"
    found: exp.Expr = exp.maybe_parse(
        f"LIST_TRANSFORM({counts}, lambda e: {{'v': e.key, 'n': e.value}})", dialect="duckdb"
    )
    return found


def _counted_list() -> str:
    return f'LIST({{\'v\': "{_VALUE}", \'n\': CAST("{_TIMES}" AS UBIGINT)}}) FILTER (WHERE "{_VALUE}" IS NOT NULL)'


def _added_up(part: exp.Expr, name: str, kind: str) -> str:
    aggregate = type(_unfiltered(part))
    whole = f'{_ADDED_UP[aggregate]}("{name}")'
    # A count of no rows is zero, a sum of no counts is null; COUNT_IF of no rows is null to the engine.
    return f'CAST({f"COALESCE({whole}, 0)" if aggregate is exp.Count else whole} AS {kind}) AS "{name}"'


def _picks_sql(halves: SplitQuery, part: str) -> str:
    """What is picked of one part's values, group by group."""
    groups = _groups(halves)
    inner, by = ", ".join([*groups, f'UNNEST("{part}") AS e']), ", ".join([*groups, "v"])
    one = ", ".join([*groups, "e.v AS v", "SUM(e.n) AS n"])
    counted = f"SELECT {one} FROM (SELECT {inner} FROM __typed) GROUP BY {', '.join([*groups, 'e.v'])}"  # noqa: S608 - our own names
    window = f"PARTITION BY {', '.join(groups)}" if groups else ""
    reach = f"SUM(n) OVER ({window} ORDER BY v) AS reach, SUM(n) OVER ({window}) AS total"
    picks = [f'{_pick(pick)} AS "{picked(number)}"' for number, (name, pick) in enumerate(halves.picks) if name == part]
    placed = f"SELECT {by}, n, {reach} FROM ({counted})"  # noqa: S608 - our own names
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    return f"SELECT {', '.join([*groups, *picks])} FROM ({placed}){grouped}"  # noqa: S608 - our own names


def _pick(pick: Pick) -> str:
    """As the engine places quantiles (its `Interpolator`): `reach - n` values come before each, of `total` in all."""
    if not pick.continuous:
        digits = len(pick.fraction.partition(".")[2])
        scale, scaled = 10**digits, int(pick.fraction.replace(".", ""))
        return _at(f"GREATEST(1, total - (total * {scale} - total * {scaled}) // {scale}) - 1")
    place = f"(total - 1)::DOUBLE * {pick.fraction}::DOUBLE"
    share = f"ANY_VALUE({place} - FLOOR({place}))"
    low, high = (f"{_at(f'{function}({place})')}::DOUBLE" for function in ("FLOOR", "CEIL"))
    return f"CASE WHEN {low} = {high} THEN {low} ELSE {low} * (1 - {share}) + {high} * {share} END"


def _at(index: str) -> str:
    return f"MAX(v) FILTER (WHERE reach - n <= {index} AND {index} < reach)"


def _different(halves: SplitQuery) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    for value in halves.values.values():
        if value not in found:
            found.append(value)
    return found


def _others(halves: SplitQuery) -> list[exp.Expr]:
    return [part for part, name in halves.named() if name not in halves.values and part not in halves.groups]


def _is_added_up(part: exp.Expr) -> bool:
    return type(_unfiltered(part)) in _ADDED_UP


def _unfiltered(part: exp.Expr) -> exp.Expr:
    return part.this if isinstance(part, exp.Filter) else part


def _groups(halves: SplitQuery) -> list[str]:
    return [_quoted(name) for part, name in halves.named() if part in halves.groups]


def _quoted(name: str) -> str:
    return f'"{name}"'
