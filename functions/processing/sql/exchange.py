"""A query that keeps its rows together by key: chunks deal their rows out to buckets, each bucket runs the query.

For window functions and for aggregates that have no parts (MODE, STRING_AGG, …): whatever looks only at rows of the
same key gives the same in a bucket that has all rows of that key.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from functions.processing.sql.aggregates import NotSplittable, is_aggregate
from functions.processing.sql.catalog import Catalog
from functions.processing.sql.names import Names
from functions.processing.sql.obstacles import order_of, refuse_obstacles

BUCKET = "__bucket"
BUCKETS = "buckets"
"""The table of all buckets' results, over which the last step runs."""

FLOATING = frozenset({"FLOAT", "DOUBLE"})
KEY_TYPES = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP",
})  # fmt: skip
"""Types whose equal values have equal texts (floating ones once zero has lost its sign)."""

_NULL, _BETWEEN = "chr(30)", "chr(31)"


@dataclass
class Exchange:
    """The pieces of a query that runs by key: its keys, and what orders its result afterwards."""

    select: exp.Select
    keys: list[exp.Expr]
    order: list[exp.Ordered] = field(default_factory=list)
    hidden: list[exp.Expr] = field(default_factory=list)

    def keys_sql(self) -> str:
        """The keys alone, to be described."""
        half = exp.Select()
        half.set("expressions", [exp.alias_(key.copy(), f"k{n}") for n, key in enumerate(self.keys)])
        half.set("from_", self.select.args["from_"].copy())
        return half.sql(dialect="duckdb")

    def map_sql(self, columns: Sequence[str], types: Sequence[str], buckets: int) -> str:
        """A chunk's rows with the number of their bucket.

        MD5 of the keys' texts, not the engine's own hash: nodes of two versions must agree.
        """
        texts = ", ".join(_text(key, kind) for key, kind in zip(self.keys, types, strict=True))
        bucket = f"CAST(md5_number_lower(concat_ws({_BETWEEN}, {texts})) % {buckets}::UBIGINT AS SMALLINT)"
        source = self.select.args["from_"].sql(dialect="duckdb")
        names = ", ".join(exp.to_identifier(name, quoted=True).sql(dialect="duckdb") for name in columns)
        return f'SELECT {names}, {bucket} AS "{BUCKET}" {source}'

    def bucket_sql(self) -> str:
        """The query over one bucket, not yet ordered or cut off."""
        half = self.select.copy()
        for clause in ("order", "limit", "offset"):
            half.set(clause, None)
        for number, expression in enumerate(self.hidden):
            half.append("expressions", exp.alias_(expression.copy(), _hidden(number), quoted=True))
        return half.sql(dialect="duckdb")

    def reduce_sql(self, output: Sequence[tuple[str, str]]) -> str:
        """The buckets' results as one; `output` are the query's columns with their DuckDB types."""
        half = exp.Select()
        columns = [(name, exp.column(name, table=BUCKETS, quoted=True)) for name, _ in output]
        half.set(
            "expressions",
            [
                exp.alias_(exp.cast(column, kind, dialect="duckdb"), name, quoted=True)
                for (name, column), (_, kind) in zip(columns, output, strict=True)
            ],
        )
        half.set("from_", exp.From(this=exp.to_table(BUCKETS)))
        half.set("distinct", exp.Distinct() if self.select.args.get("distinct") else None)
        half.set("order", exp.Order(expressions=self.order) if self.order else None)
        for clause in ("limit", "offset"):
            value = self.select.args.get(clause)
            half.set(clause, value.copy() if value is not None else None)
        return half.sql(dialect="duckdb")


def exchange_query(tree: exp.Query, columns: Mapping[str, Collection[str]], functions: Catalog) -> Exchange:
    """Find the keys of a query over `input` and reference tables. Raises NotSplittable when there are none."""
    if not isinstance(tree, exp.Select):
        raise NotSplittable("a set operation needs all rows in one place")
    refuse_obstacles(tree, columns, functions, windows=True)
    names = Names(tree, columns)
    keys = [key for key in _keys(tree, names, functions) if names.of_first_table(key)]
    if not keys:
        raise NotSplittable("its groups and windows have no key in common that is computed from input alone")
    found = Exchange(tree, keys)
    for item in order_of(tree):
        found.order.append(_ordered(item, found, names))
    distinct = tree.args.get("distinct")
    if distinct is not None and (found.hidden or distinct.args.get("on")):
        raise NotSplittable("DISTINCT ON, or DISTINCT ordered by what is not selected")
    return found


def _keys(select: exp.Select, names: Names, functions: Catalog) -> list[exp.Expr]:
    """What the groups and every window have in common."""
    wanted = [_partition(window, select) for window in select.find_all(exp.Window) if _is_use(window)]
    group = select.args.get("group")
    if group is not None:
        wanted.append(_groups(group, select, names, functions))
    elif not wanted or any(_is_plain_aggregate(node, functions) for node in select.walk()):
        raise NotSplittable("an aggregate over all rows needs them in one place")
    first, *others = [[names.without_aliases(key) for key in keys] for keys in wanted]
    return [key for key in first if all(any(names.same(key, other) for other in keys) for keys in others)]


def _is_use(window: exp.Window) -> bool:
    """A window at a function; one in the WINDOW clause is a definition."""
    return not isinstance(window.this, exp.Identifier)


def _is_plain_aggregate(node: exp.Expr, functions: Catalog) -> bool:
    return is_aggregate(node, functions.aggregates) and node.find_ancestor(exp.Window) is None


def _partition(window: exp.Window, select: exp.Select) -> list[exp.Expr]:
    name = window.args.get("alias")
    if name is None:
        return list(window.args.get("partition_by") or ())
    defined = {item.name.casefold(): item for item in select.args.get("windows") or ()}
    if name.name.casefold() not in defined or window.args.get("partition_by"):
        raise NotSplittable("a window built on another one")
    return list(defined[name.name.casefold()].args.get("partition_by") or ())


def _groups(group: exp.Group, select: exp.Select, names: Names, functions: Catalog) -> list[exp.Expr]:
    if any(group.args.get(key) for key in ("grouping_sets", "cube", "rollup", "totals")):
        raise NotSplittable("grouping sets need all rows in one place")
    bare = [item.unalias() for item in select.expressions]
    if group.args.get("all"):
        return [item for item in bare if not any(_is_plain_aggregate(node, functions) for node in item.walk())]
    found: list[exp.Expr] = []
    for item in group.expressions:
        at = names.position(item, alias_first=False)
        if at is not None and not 0 <= at < len(bare):
            raise NotSplittable("an ordinal that names no column")
        found.append(item if at is None else bare[at])
    return found


def _ordered(item: exp.Ordered, found: Exchange, names: Names) -> exp.Ordered:
    ordered = item.copy()
    at = names.position(item.this, alias_first=True)
    if at is None:
        found.hidden.append(names.without_aliases(item.this))
        ordered.set("this", exp.column(_hidden(len(found.hidden) - 1), table=BUCKETS, quoted=True))
        return ordered
    if (found.select.is_star and isinstance(item.this, exp.Literal)) or not 0 <= at < len(found.select.expressions):
        raise NotSplittable("an ordinal that names no column, or beside a star")
    name = found.select.expressions[at].alias_or_name
    if not name:
        raise NotSplittable("ORDER BY a column without a name")
    ordered.set("this", exp.column(name, table=BUCKETS, quoted=True))
    return ordered


def _hidden(number: int) -> str:
    return f"__o{number + 1}"


def _text(key: exp.Expr, kind: str) -> str:
    if kind.partition("(")[0] not in KEY_TYPES:
        raise NotSplittable(f"a key of type {kind}")
    value = f"({key.sql(dialect='duckdb')})"
    # -0.0 and 0.0 are one group and two texts.
    return f"coalesce(CAST({value}{' + 0' if kind in FLOATING else ''} AS VARCHAR), {_NULL})"
