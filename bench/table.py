"""Outcomes as people read them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.contest import Side
from bench.rounds import Outcome, median_details
from bench.statistics import Spread


def show(console: Console, outcomes: Sequence[Outcome]) -> None:
    """A small table for each contest: both sides, then what their ratios are."""
    for outcome in outcomes:
        contest = outcome.contest
        table = Table(
            box=None,
            title=f"{contest.name} [dim]({contest.unit})[/]",
            title_justify="left",
            title_style="",
            padding=(0, 2),
        )
        table.add_column(no_wrap=True)
        table.add_column("median", justify="right")
        table.add_column("min–max", justify="right")
        table.add_column()
        _add_side(table, contest.ours, outcome, is_ours=True)
        _add_side(table, contest.peer, outcome, is_ours=False)
        ratio = outcome.ratio
        table.add_row("[bold]ours / peer[/]", f"[bold]{ratio.median:.2f}[/]", _range(ratio), _goal(outcome))
        console.print(table)


def _add_side(table: Table, side: Side, outcome: Outcome, *, is_ours: bool) -> None:
    samples = outcome.ours if is_ours else outcome.peer
    spread = Spread.of(sample.value for sample in samples)
    details = ", ".join(f"{name} {number(value)}" for name, value in median_details(samples).items())
    table.add_row(side.label, number(spread.median), _range(spread), f"[dim]{details}[/]")


def _range(spread: Spread) -> str:
    return f"{number(spread.smallest)}–{number(spread.largest)}"


def _goal(outcome: Outcome) -> str:
    contest = outcome.contest
    if contest.goal is None:
        return "[dim]smaller is better[/]" if contest.is_cost else ""
    sign, colour = "≤" if contest.is_cost else "≥", "green" if outcome.reaches_goal else "yellow"
    return f"[{colour}]goal {sign} {contest.goal:.2g}[/]"


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
