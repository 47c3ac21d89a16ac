"""`make capacity`: how many replicas, how long people wait, what it costs and which limit is met as the load grows."""

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.capacity import trial
from local.capacity.chart import draw, draw_comparison
from local.capacity.model import read_azure, read_today
from local.capacity.report import Answer, answer, points
from local.layout import ROOT

TIMES = (1.0, 10.0, 100.0, 1000.0)
WITHIN = 0.1
FOLDER = ROOT / "build" / "capacity"


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print and draw; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.capacity", description=__doc__)
    parser.add_argument("--times", type=float, nargs="+", default=TIMES, metavar="N", help="multiples of today's load")
    parser.add_argument("--today", type=Path, metavar="FILE", help="another file of today's load")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="where the chart and the figures go")
    parser.add_argument(
        "--check", action="store_true", help="hold the simulation against a real run (two to three minutes)"
    )
    given = parser.parse_args(arguments)
    console = Console()
    if given.check:
        return _check(console, given.out)
    today = read_today(given.today) if given.today else read_today()
    azure = read_azure()
    answers = []
    with console.status("Simulating") as status:
        for times in given.times:
            status.update(f"Simulating {times:g} times today's load")
            answers.append(answer(today, azure, ROOT, times))
    for found in answers:
        _print(console, found)
    table = Table(title="Which limit is met at which load", box=None, title_justify="left", title_style="bold")
    for column in ("times today", "limit", "what to change"):
        table.add_column(column, justify="right" if column == "times today" else "left")
    for point in points(today, azure, ROOT):
        table.add_row(f"{point.times:,.0f}", point.limit, point.change)
    console.print(table)
    given.out.mkdir(parents=True, exist_ok=True)
    draw(answers, given.out / "capacity.png")
    (given.out / "capacity.json").write_text("[" + ",\n".join(found.model_dump_json() for found in answers) + "]\n")
    console.print(f"Figures and chart: {given.out}/capacity.json, capacity.png", highlight=False)
    return 0


def _check(console: Console, out: Path) -> int:
    """A real run of the local scaler and the same arrivals simulated. 0 when they agree within a tenth, else 1."""
    out.mkdir(parents=True, exist_ok=True)
    with console.status(f"Scaling notification for real, {trial.SPEED:g} times as fast as the rules say"):
        made, found = asyncio.run(trial.run(out / "trace.jsonl"))
    (out / "trial.json").write_text(made.model_dump_json() + "\n", encoding="utf-8")
    draw_comparison(found, out / "check.png")
    console.print(
        f"{len(made.arrivals_s)} deliveries, none lost; one took {made.service_s:.1f} s of the rules' time, a process "
        f"{made.start_s:.0f} s to start.\nReplicas over time: mean |predicted - seen| is {found.difference:.1%} of the "
        f"mean seen (goal: {WITHIN:.0%}); {out}/check.png",
        highlight=False,
    )
    return 0 if found.difference <= WITHIN else 1


def _print(console: Console, found: Answer) -> None:
    table = Table(title=f"{found.times:g} times today's load", box=None, title_justify="left", title_style="bold")
    for column in ("service", "scenario", "replicas, mean", "most", "of at most", "p50", "p95", "p99"):
        table.add_column(column, justify="left" if column in ("service", "scenario") else "right")
    for line in found.lines:
        times = (_seconds(value) for value in (line.p50_s, line.p95_s, line.p99_s))
        style = "red" if line.is_full else None
        replicas = (f"{line.mean_replicas:g}", str(line.most_replicas), str(line.allowed_replicas))
        table.add_row(line.service, line.scenario, *replicas, *times, style=style)
    console.print(table)
    for met in found.met:
        console.print(f"  [yellow]limit[/] {met}", highlight=False)
    parts = ", ".join(f"{name} {value:,.0f}" for name, value in found.cost.items())
    console.print(f"  about ${sum(found.cost.values()):,.0f} a month ({parts})\n", highlight=False)


def _seconds(value: float) -> str:
    return "never" if not math.isfinite(value) else f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


if __name__ == "__main__":
    sys.exit(main())
