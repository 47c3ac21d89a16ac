"""What keeps a query from being split: whatever needs all rows in one place."""

from collections.abc import Collection, Mapping

from sqlglot import exp

from functions.processing.sql.aggregates import NotSplittable
from functions.processing.sql.catalog import Catalog
from functions.processing.sql.guard import INPUT, function_name

_WHOLE_TABLE_CLAUSES = {
    "with_": "a common table expression",
    "sample": "a sample",
    "pivots": "a pivot",
    "laterals": "a lateral join",
}


def refuse_obstacles(
    select: exp.Select, columns: Mapping[str, Collection[str]], functions: Catalog, *, windows: bool = False
) -> None:
    """Raise NotSplittable for the first obstacle outside the projections; `columns` are by table name.

    `windows` says that all rows of a key are in one place, so that windows may pass.
    """
    if not windows and (select.find(exp.Window) or select.args.get("qualify")):
        raise NotSplittable("a window function needs all rows of its partition in one place")
    _refuse_whole_table(select)
    _refuse_sources(select)
    _refuse_functions(select, columns, functions)


def order_of(select: exp.Select) -> list[exp.Ordered]:
    """The items of ORDER BY."""
    order = select.args.get("order")
    return list(order.expressions) if order is not None else []


def _refuse_whole_table(select: exp.Select) -> None:
    for clause, name in _WHOLE_TABLE_CLAUSES.items():
        if select.args.get(clause):
            raise NotSplittable(f"{name} needs all rows in one place")
    if len(list(select.find_all(exp.Query))) > 1:
        raise NotSplittable("a subquery needs all rows in one place")
    if select.find(exp.Explode, exp.TableSample, exp.Pivot, exp.Columns):
        raise NotSplittable("unnesting, samples, pivots and COLUMNS run on one node")
    if select.find(exp.Collate):
        raise NotSplittable("a collation is not carried between nodes")
    for clause in ("limit", "offset"):
        value = select.args.get(clause)
        literal = value is None or (isinstance(value.expression, exp.Literal) and value.expression.is_int)
        if not literal or (value is not None and value.args.get("limit_options")):
            raise NotSplittable(f"{clause.upper()} is not a plain number")
    if any(not isinstance(item, exp.Ordered) or isinstance(item.this, exp.Var) for item in order_of(select)):
        raise NotSplittable("ORDER BY ALL")


def _refuse_sources(select: exp.Select) -> None:
    """`input` must come first and once; what joins it may not add rows of its own where `input` has none."""
    source = select.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or source.this.name.casefold() != INPUT:
        raise NotSplittable("FROM does not begin with input")
    for join in select.args.get("joins", ()):
        if not isinstance(join.this, exp.Table) or join.this.name.casefold() == INPUT:
            raise NotSplittable("input is read twice")
        kind = {join.side.upper(), join.kind.upper(), join.method.upper()} - {"", "INNER", "OUTER", "CROSS"}
        if not kind <= {"LEFT", "SEMI", "ANTI"} or len(kind) > 1:
            raise NotSplittable(f"a {' '.join(sorted(kind))} join needs all rows in one place")
    for table in select.find_all(exp.Table):
        if table.args.get("alias") and table.args["alias"].args.get("columns"):
            raise NotSplittable("columns are renamed in FROM")


def _refuse_functions(select: exp.Select, columns: Mapping[str, Collection[str]], functions: Catalog) -> None:
    for function in select.find_all(exp.Func):
        if function_name(function) in functions.volatile:
            raise NotSplittable(f"{function_name(function)} gives another value at each call")
    known = {name.casefold() for name in columns[INPUT]}
    for column in select.find_all(exp.Column):
        if column.name.casefold() == "rowid" and "rowid" not in known:
            raise NotSplittable("rowid counts over all rows")
        if column.name.casefold() in {"current_date", "current_timestamp", "localtime", "localtimestamp"} - known:
            raise NotSplittable("the time of day differs between nodes")
