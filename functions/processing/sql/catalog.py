"""What the engine knows of its functions: which are aggregates, and which give another value at each call."""

from dataclasses import dataclass
from functools import cache

from functions.processing.sql.engine import Sandbox

_FUNCTIONS = "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE "


@dataclass(frozen=True)
class Catalog:
    """Function names in lower case."""

    aggregates: frozenset[str]
    volatile: frozenset[str]


@cache
def catalog() -> Catalog:
    """Read from the engine itself, once a process."""
    with Sandbox({}) as sandbox:
        aggregates = sandbox.run(_FUNCTIONS + "function_type = 'aggregate'")["name"]
        volatile = sandbox.run(_FUNCTIONS + "stability <> 'CONSISTENT'")["name"]
    return Catalog(frozenset(aggregates), frozenset(volatile))
