"""The two halves of a SELECT: the aggregation of one chunk, and the aggregation of the chunks' results."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from functions.processing.sql.aggregates import NotSplittable, Pick, Split, is_aggregate, split
from functions.processing.sql.catalog import Catalog
from functions.processing.sql.names import Names
from functions.processing.sql.obstacles import order_of, refuse_obstacles

PARTS = "parts"
"""The table of all chunks' results, over which the reduce half runs."""


@dataclass
class SplitQuery:
    """The pieces of both halves, as they are found; `map_sql` and `reduce_sql` put them together.

    With `counting` the parts in `values` hold counted values in place of all, and `picks` are taken of them
    (`counting` puts these halves together).
    """

    select: exp.Select
    counting: bool = False
    values: dict[str, exp.Expr] = field(default_factory=dict)
    picks: list[tuple[str, Pick]] = field(default_factory=list)
    parts: list[exp.Expr] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    groups: list[exp.Expr] = field(default_factory=list)
    distinct: bool = False
    inner_limit: exp.Expr | None = None
    projections: list[exp.Expr] = field(default_factory=list)
    having: exp.Expr | None = None
    order: list[exp.Ordered] = field(default_factory=list)
    aggregated: bool = False

    def part(self, expression: exp.Expr, prefix: str = "p") -> exp.Column:
        """The column of the parts that holds an expression of the map half; the same one for the same expression."""
        if expression not in self.parts:
            self.parts.append(expression)
            # The names are qualified wherever they are used, so that no alias of the query can hide them.
            self.names.append(f"__{prefix}{len(self.parts)}")
        return exp.column(self.names[self.parts.index(expression)], table=PARTS, quoted=True)

    def whole(self, split: Split) -> exp.Expr:
        """An aggregate of the query, over the columns of the parts."""
        parts = tuple(self.part(partial) for partial in split.partials)
        if split.counted is None or not self.counting:
            return split.final(parts)
        name = parts[0].name
        self.values[name] = split.counted.value
        return split.counted.final(tuple(self._picked(name, pick) for pick in split.counted.picks))

    def _picked(self, part: str, pick: Pick) -> exp.Expr:
        if (part, pick) not in self.picks:
            self.picks.append((part, pick))
        # It stands in every row of its group.
        column = exp.column(picked(self.picks.index((part, pick))), table=PARTS, quoted=True)
        return exp.Anonymous(this="ANY_VALUE", expressions=[column])

    def bare(self) -> exp.Select:
        """The query's sources and conditions, without what it makes of their rows."""
        half = self.select.copy()
        for clause in ("order", "having", "limit", "offset", "distinct", "group"):
            half.set(clause, None)
        return half

    def map_sql(self) -> str:
        """The half that runs on every chunk of `input`."""
        half = self.bare()
        half.set("expressions", [exp.alias_(part.copy(), name, quoted=True) for part, name in self.named()])
        if self.distinct:
            half.set("distinct", exp.Distinct())
        if self.groups:
            half.set("group", exp.Group(expressions=[group.copy() for group in self.groups]))
        if self.inner_limit is not None:
            half.set(
                "order", exp.Order(expressions=[_unqualified(item) for item in self.order]) if self.order else None
            )
            half.set("limit", exp.Limit(expression=self.inner_limit))
        return half.sql(dialect="duckdb")

    def typed_parts(self, types: Sequence[str]) -> str:
        """The parts with these DuckDB types, whatever they travelled as."""
        casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in zip(self.names, types, strict=True))
        return f"SELECT {casts} FROM {PARTS}"  # noqa: S608 - our own names

    def reduce_sql(self, parts: str, output: Sequence[tuple[str, str]]) -> str:
        """The half that runs over the parts, which the SELECT `parts` gives; `output` are the query's columns."""
        half = exp.Select()
        half.set("expressions", [self._output(p, *column) for p, column in zip(self.projections, output, strict=True)])
        source: exp.Expr = exp.maybe_parse(parts, dialect="duckdb")
        half.set("from_", exp.From(this=exp.Subquery(this=source, alias=exp.TableAlias(this=exp.to_identifier(PARTS)))))
        if self.groups:
            keys = [self.part(group) for group in self.groups]
            half.set("group", exp.Group(expressions=list(keys)))
        half.set("having", exp.Having(this=self.having) if self.having is not None else None)
        half.set("distinct", exp.Distinct() if self.distinct else None)
        half.set("order", exp.Order(expressions=self.order) if self.order else None)
        for clause in ("limit", "offset"):
            value = self.select.args.get(clause)
            half.set(clause, value.copy() if value is not None else None)
        return half.sql(dialect="duckdb")

    def named(self) -> list[tuple[exp.Expr, str]]:
        """The parts with the names of their columns."""
        return list(zip(self.parts, self.names, strict=True))

    def _output(self, projection: exp.Expr, name: str, kind: str) -> exp.Expr:
        return exp.alias_(exp.cast(projection, kind, dialect="duckdb"), name, quoted=True)


def picked(number: int) -> str:
    """The column that holds what was picked of counted values."""
    return f"__q{number + 1}"


def split_query(
    tree: exp.Query, columns: Mapping[str, Collection[str]], functions: Catalog, *, counting: bool = False
) -> SplitQuery:
    """Split a query over `input` and reference tables (`columns` by table name). Raises NotSplittable."""
    if not isinstance(tree, exp.Select):
        raise NotSplittable("a set operation needs all rows in one place")
    refuse_obstacles(tree, columns, functions)
    names = Names(tree, columns)
    halves = SplitQuery(tree, counting)
    halves.aggregated = bool(tree.args.get("group") or tree.args.get("having")) or any(
        _has_aggregate(item, functions) for item in (*tree.expressions, tree.args.get("order")) if item is not None
    )
    if halves.aggregated:
        _Aggregation(halves, names, functions).split()
    else:
        _split_rows(halves, names)
    if not halves.parts:
        raise NotSplittable("it computes nothing from the rows")
    return halves


class _Aggregation:
    """Splits a query with GROUP BY or aggregates."""

    def __init__(self, halves: SplitQuery, names: Names, functions: Catalog) -> None:
        self._halves, self._names, self._functions = halves, names, functions
        self._bare = [item.unalias() for item in halves.select.expressions]

    def split(self) -> None:
        """Fill in the halves. Raises NotSplittable."""
        select, halves = self._halves.select, self._halves
        if select.args.get("distinct"):
            raise NotSplittable("DISTINCT over aggregates needs all groups in one place")
        halves.groups = self._groups(select.args.get("group"))
        for group in halves.groups:
            halves.part(group, "g")
        halves.projections = [self._over_parts(item) for item in self._bare]
        having = select.args.get("having")
        if having is not None:
            halves.having = self._over_parts(self._names.without_aliases(having.this))
        for item in order_of(select):
            halves.order.append(self._ordered(item))

    def _groups(self, group: exp.Group | None) -> list[exp.Expr]:
        if group is None:
            return []
        if any(group.args.get(key) for key in ("grouping_sets", "cube", "rollup", "totals")):
            raise NotSplittable("grouping sets need all rows in one place")
        if group.args.get("all"):
            return self._distinct([item for item in self._bare if not _has_aggregate(item, self._functions)])
        found: list[exp.Expr] = []
        for item in group.expressions:
            if isinstance(item, exp.GroupingSets | exp.Cube | exp.Rollup | exp.Tuple):
                raise NotSplittable("grouping sets need all rows in one place")
            at = self._names.position(item, alias_first=False)
            found.append(self._names.without_aliases(item) if at is None else self._projection(at))
        return self._distinct(found)

    def _distinct(self, groups: list[exp.Expr]) -> list[exp.Expr]:
        """Groups without repetition; a constant is no group, and as a number it would be read as an ordinal."""
        kept: list[exp.Expr] = []
        for group in groups:
            if isinstance(group, exp.Literal):
                raise NotSplittable("a constant in GROUP BY")
            if not any(self._names.same(group, other) for other in kept):
                kept.append(group.copy())
        return kept

    def _projection(self, at: int) -> exp.Expr:
        if not 0 <= at < len(self._bare):
            raise NotSplittable("an ordinal that names no column")
        projection: exp.Expr = self._bare[at].copy()
        return projection

    def _ordered(self, item: exp.Ordered) -> exp.Ordered:
        at = self._names.position(item.this, alias_first=True)
        ordered = item.copy()
        if at is None:
            ordered.set("this", self._over_parts(self._names.without_aliases(item.this)))
        else:
            ordered.set("this", self._halves.projections[at].copy() if self._projection(at) else None)
        return ordered

    def _over_parts(self, expression: exp.Expr) -> exp.Expr:
        """The expression with its groups and aggregates replaced by columns of the parts."""
        rewritten = expression.copy().transform(self._replace)
        for column in rewritten.find_all(exp.Column):
            if column.table != PARTS:
                raise NotSplittable(f"{column.sql(dialect='duckdb')} is neither grouped nor aggregated by that name")
        return rewritten

    def _replace(self, node: exp.Expr) -> exp.Expr:
        for group in self._halves.groups:
            if self._names.same(node, group):
                return self._halves.part(group, "g")
        if isinstance(node, exp.Star):
            raise NotSplittable("a star beside aggregates")
        if not is_aggregate(node, self._functions.aggregates):
            return node
        nested = [inner for inner in node.walk() if is_aggregate(inner, self._functions.aggregates)]
        if len(nested) > _layers(node):
            raise NotSplittable("an aggregate within another")
        return self._halves.whole(split(node))


def _split_rows(halves: SplitQuery, names: Names) -> None:
    """Split a query without aggregates: rows are filtered and computed in the chunks, ordered over all of them."""
    select = halves.select
    if select.find(exp.Star, exp.Columns):
        raise NotSplittable("a star")
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        raise NotSplittable("DISTINCT ON needs all rows in one place")
    halves.distinct = distinct is not None
    halves.projections = [halves.part(item.unalias()) for item in select.expressions]
    for item in order_of(select):
        halves.order.append(_ordered_row(item, halves, names))
    halves.inner_limit = None if halves.distinct else _rows_needed(select)


def _ordered_row(item: exp.Ordered, halves: SplitQuery, names: Names) -> exp.Ordered:
    at = names.position(item.this, alias_first=True)
    ordered = item.copy()
    if at is not None:
        if not 0 <= at < len(halves.projections):
            raise NotSplittable("an ordinal that names no column")
        ordered.set("this", halves.projections[at].copy())
        return ordered
    known = len(halves.parts)
    ordered.set("this", halves.part(names.without_aliases(item.this)))
    if halves.distinct and len(halves.parts) > known:
        raise NotSplittable("DISTINCT ordered by what is not selected")
    return ordered


def _rows_needed(select: exp.Select) -> exp.Expr | None:
    """How many of its first rows a chunk has to give: LIMIT and OFFSET together; None for all of them."""
    limit, offset = select.args.get("limit"), select.args.get("offset")
    if limit is None:
        return None
    skipped = int(offset.expression.name) if offset is not None else 0
    return exp.Literal.number(int(limit.expression.name) + skipped)


def _unqualified(item: exp.Ordered) -> exp.Ordered:
    ordered = item.copy()
    ordered.set("this", exp.column(item.this.name, quoted=True))
    return ordered


def _has_aggregate(node: exp.Expr, functions: Catalog) -> bool:
    return any(is_aggregate(inner, functions.aggregates) for inner in node.walk())


def _layers(node: exp.Expr) -> int:
    """How many nodes of one aggregate count as aggregates: itself, and what FILTER or WITHIN GROUP wraps."""
    layers = 1
    while isinstance(node, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        node, layers = node.this, layers + 1
    return layers
