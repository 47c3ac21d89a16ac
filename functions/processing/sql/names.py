"""What the names in a query stand for: columns of its tables, and aliases of its projections."""

from collections.abc import Collection, Mapping

from sqlglot import exp

from functions.processing.sql.aggregates import NotSplittable


class Names:
    """The columns and aliases of one SELECT, so that two spellings of the same expression compare equal."""

    def __init__(self, select: exp.Select, columns: Mapping[str, Collection[str]]) -> None:
        self._tables: dict[str, frozenset[str]] = {}
        tables = [source for source in (select.args.get("from_"), *select.args.get("joins", ())) if source is not None]
        for source in tables:
            names = frozenset(name.casefold() for name in columns[source.this.name.casefold()])
            self._tables[source.this.alias_or_name.casefold()] = names
        self._first = next(iter(self._tables))
        joins = select.args.get("joins", ())
        self._merged = {name.name.casefold() for join in joins for name in join.args.get("using") or ()}
        self._projections = select.expressions
        self._aliases = {p.alias.casefold(): p.this for p in select.expressions if isinstance(p, exp.Alias)}

    def is_column(self, name: str) -> bool:
        """Whether any table has a column of this name."""
        return any(name.casefold() in columns for columns in self._tables.values())

    def same(self, one: exp.Expr, other: exp.Expr) -> bool:
        """Whether two expressions are the same once their columns are told by table and name."""
        return self.canonical(one) == self.canonical(other)

    def canonical(self, expression: exp.Expr) -> exp.Expr:
        """A copy in which every column is written `table.name`, in lower case and unquoted."""
        return expression.copy().transform(lambda node: self._canonical(node) if isinstance(node, exp.Column) else node)

    def of_first_table(self, expression: exp.Expr) -> bool:
        """Whether an expression is computed from columns of the first table alone, and from at least one."""
        columns = list(self.canonical(expression).find_all(exp.Column))
        return bool(columns) and all(column.table == self._first for column in columns)

    def without_aliases(self, expression: exp.Expr) -> exp.Expr:
        """A copy in which aliases stand for what they name, as GROUP BY and HAVING take them.

        Raises NotSplittable where a name is both a column and the alias of something else.
        """
        return expression.copy().transform(self._expand)

    def position(self, item: exp.Expr, *, alias_first: bool) -> int | None:
        """The projection that an item of GROUP BY or ORDER BY names by ordinal or alias; None when it is neither."""
        if isinstance(item, exp.Literal) and item.is_int:
            return int(item.name) - 1
        if not isinstance(item, exp.Column) or item.table:
            return None
        for index, projection in enumerate(self._projections):
            if isinstance(projection, exp.Alias) and projection.alias.casefold() == item.name.casefold():
                if not alias_first:
                    self._refuse_ambiguous(item, projection.this)
                return index
        return None

    def _canonical(self, column: exp.Column) -> exp.Expr:
        name = column.name.casefold()
        owners = [alias for alias, columns in self._tables.items() if name in columns]
        if column.table:
            return exp.column(name, table=column.table.casefold())
        if len(owners) > 1 and name in self._merged:
            return exp.column(name, table=self._first)
        return exp.column(name, table=owners[0]) if len(owners) == 1 else exp.column(name)

    def _expand(self, node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or node.table or node.name.casefold() not in self._aliases:
            return node
        meant = self._aliases[node.name.casefold()]
        self._refuse_ambiguous(node, meant)
        return exp.paren(meant.copy()) if not isinstance(meant, exp.Column) else meant.copy()

    def _refuse_ambiguous(self, name: exp.Column, meant: exp.Expr) -> None:
        if self.is_column(name.name) and not self.same(name, meant):
            raise NotSplittable(f"{name.name} is both a column and another column's alias")
