"""What a result is about: which columns are measured and which only name, its key figures and its fitting chart."""

from dataclasses import dataclass

import polars as pl

from functions.reporting.errors import UnknownColumn
from functions.reporting.rendering.number_text import decimals_of, number_text
from functions.reporting.rendering.result import Column, ResultTable
from functions.reporting.schemas import Aggregate, ChartRequest, FigureRequest

MAX_CATEGORIES = 40
DEFAULT_FIGURES = 3
NOT_ADDITIVE = frozenset({"max", "maximum", "min", "minimum", "mean", "average", "avg", "median", "rate", "percent"})
"""Words in a column's name that tell that its values are aggregates which don't add up."""


@dataclass(frozen=True)
class Figure:
    """One key figure, ready to print."""

    label: str
    value: str


@dataclass(frozen=True)
class Profile:
    """One column as seen over all rows; `low` and `high` are None for other than whole numbers."""

    column: Column
    distinct: int
    low: int | None
    high: int | None
    rows: int

    @property
    def names(self) -> bool:
        """Whether a whole number names its row (a year, month or id) instead of measuring something.

        It does when few values repeat over many rows, or when the values fill their range without a gap.
        """
        if self.column.kind != "integer" or self.low is None or self.high is None:
            return False
        return self.distinct * 4 <= self.rows or self.high - self.low + 1 == self.distinct

    @property
    def measures(self) -> bool:
        """Whether it is a whole number that can sensibly be added up."""
        additive = NOT_ADDITIVE.isdisjoint(words_of(self.column.name))
        return additive and self.column.kind == "integer" and self.low is not None and not self.names


def profile(table: ResultTable) -> tuple[Profile, ...]:
    """One profile a column, in one pass over the rows."""
    wanted: list[pl.Expr] = []
    for index, column in enumerate(table.columns):
        wanted.append(pl.col(column.name).n_unique().alias(f"{index}:distinct"))
        if column.kind == "integer":
            wanted.append(pl.col(column.name).min().alias(f"{index}:low"))
            wanted.append(pl.col(column.name).max().alias(f"{index}:high"))
    found = table.lazy().select(wanted).collect().row(0, named=True) if wanted else {}
    return tuple(
        Profile(column, found[f"{index}:distinct"], found.get(f"{index}:low"), found.get(f"{index}:high"), table.rows)
        for index, column in enumerate(table.columns)
    )


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case."""
    return name.replace("_", " ").lower().split()


def within_phrase(label: str) -> str:
    """A label as it stands inside a phrase: its capital goes unless it belongs to a name in capitals."""
    return label[:1].lower() + label[1:] if not label[1:2].isupper() else label


def aggregated(name: str, aggregate: Aggregate) -> pl.Expr:
    """The aggregate over a column's rows, absent values left out."""
    column = pl.col(name)
    expressions = {
        "sum": column.sum(),
        "mean": column.mean(),
        "min": column.min(),
        "max": column.max(),
        "count": column.count(),
    }
    return expressions[aggregate]


def key_figures(
    table: ResultTable, profiles: tuple[Profile, ...], wanted: tuple[FigureRequest, ...]
) -> tuple[Figure, ...]:
    """The figures asked for, or else the number of rows and the totals of the first measures.

    Raises UnknownColumn when a figure names a column that is not there or is not numeric.
    """
    chosen = (
        wanted
        or tuple(
            FigureRequest(label=f"Total {within_phrase(p.column.label)}"[:60], column=p.column.name)
            for p in profiles
            if p.measures
        )[:DEFAULT_FIGURES]
    )
    rows = Figure("Rows", number_text(table.rows, 0))
    figures = tuple(_figure(table, figure) for figure in chosen)
    return figures if wanted else (rows, *figures)


def _figure(table: ResultTable, wanted: FigureRequest) -> Figure:
    column = table.column(wanted.column)
    if wanted.aggregate != "count" and not column.is_numeric:
        raise UnknownColumn(f"the figure {wanted.label!r} needs numbers, but {column.name!r} is {column.kind}")
    value = table.lazy().select(aggregated(column.name, wanted.aggregate)).collect().item()
    text = "–" if value is None else number_text(value, decimals_of([value]))
    return Figure(wanted.label, text)


def fitting_chart(profiles: tuple[Profile, ...]) -> ChartRequest | None:
    """The chart for a result that nobody chose one for: the first measure over its most telling text column.

    Of several text columns with few values, the one with the fewest; of equals, the later (a name follows its code).
    None when the result has no such pair.
    """
    measure = next((p.column.name for p in profiles if p.measures), None)
    texts = [p for p in profiles if p.column.kind == "text" and 2 <= p.distinct <= MAX_CATEGORIES]
    if measure is None or not texts:
        return None
    fewest = min(p.distinct for p in texts)
    name = [p.column.name for p in texts if p.distinct == fewest][-1]
    return ChartRequest(type="bar", x=name, y=measure, aggregate="sum")
