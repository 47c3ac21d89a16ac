"""Which queries are accepted: one SELECT over `input` and the named reference data, and nothing else.

The sandbox (`engine`) is what keeps a query in; the guard says early, and in plain words, what will not work.
"""

import re
from collections.abc import Collection

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from functions.processing.errors import QueryRefused

INPUT = "input"
MAX_QUERY_CHARS = 20_000
MAX_NESTING = 200
"""Parentheses within one another; deeper ones would exhaust the parsers' stacks."""

ENGINE_STATE = frozenset({
    "current_connection_id", "current_database", "current_query", "current_query_id", "current_schema",
    "current_schemas", "current_setting", "current_transaction_id", "currval", "getenv", "getvariable",
    "in_search_path", "nextval", "query", "query_table", "setseed", "setval", "sleep_ms", "stats", "txid_current",
    "version", "write_log",
})  # fmt: skip
"""Functions that read or change the engine's own state."""

_NAME = re.compile(r"\w*")
_SYNTAX = (exp.Connector, exp.Cast, exp.Case)
"""Functions to the parser only. They come in chains of thousands: to write out each link for its name takes minutes."""


def parse(query: str, references: Collection[str]) -> exp.Query:
    """Parse a query and check it. `references` are the reference data sets that it may join.

    Raises QueryRefused with the reason.
    """
    if len(query) > MAX_QUERY_CHARS:
        raise QueryRefused(f"the query is longer than {MAX_QUERY_CHARS:,} characters")
    if "\0" in query:
        raise QueryRefused("the query holds a NUL, where the engine would stop reading")
    if _nesting(query) > MAX_NESTING:
        raise QueryRefused(f"the query nests more than {MAX_NESTING} parentheses")
    _require_one_select(query)
    tree = _tree(query)
    _check_tables(tree, {INPUT, *(name.casefold() for name in references)})
    _check_functions(tree)
    return tree


def _nesting(query: str) -> int:
    depth = deepest = 0
    for character in query:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _require_one_select(query: str) -> None:
    """Ask the engine's own parser, so that two readings of a text can't differ."""
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise QueryRefused(f"the query can't be parsed: {first_line(error)}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused("a job is one SELECT statement")


def _tree(query: str) -> exp.Query:
    try:
        trees = sqlglot.parse(query, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise QueryRefused(f"the query can't be parsed: {first_line(error)}") from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Subquery):
        raise QueryRefused("a job is one SELECT statement")
    for kind, name in ((exp.Into, "INTO"), (exp.Lock, "FOR UPDATE"), (exp.Placeholder, "a parameter")):
        if tree.find(kind):
            raise QueryRefused(f"{name} has no place in a job's query")
    return tree


def _check_tables(tree: exp.Query, known: set[str]) -> None:
    known = known | {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    if tree.find(exp.Unnest, exp.Lateral):
        raise QueryRefused("table functions are not available; a job reads `input` and its reference data")
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise QueryRefused("table functions are not available; a job reads `input` and its reference data")
        if table.args.get("db") or table.args.get("catalog") or table.name.casefold() not in known:
            names = ", ".join(sorted(known))
            raise QueryRefused(f"there is no table {table.sql(dialect='duckdb')}; the job's tables are: {names}")


def _check_functions(tree: exp.Query) -> None:
    for function in tree.find_all(exp.Func):
        if function_name(function) in ENGINE_STATE:
            raise QueryRefused(f"the function {function_name(function)} is not available")


def function_name(function: exp.Func) -> str:
    """The name under which the engine knows a function, in lower case; empty for what is an operator or a keyword."""
    if isinstance(function, _SYNTAX):
        return ""
    if isinstance(function, exp.Anonymous):
        return function.name.casefold()
    return _NAME.match(function.sql(dialect="duckdb").casefold()).group()  # type: ignore[union-attr] # it may be empty


def first_line(error: Exception) -> str:
    """The first line of an engine's message, which says what; the rest draws where."""
    return str(error).strip().partition("\n")[0]
