"""What the demo shows at its end: the result, the trace and the audit trail, drawn for the terminal."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

ROWS_SHOWN = 18
CHILDREN_SHOWN = 6


def result_table(path: Path) -> Table:
    """The first rows of a CSV file; the caption counts the rest."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    left = len(rows) - ROWS_SHOWN
    caption = f"… {left} more rows in {path}" if left > 0 else str(path)
    table = Table(title="Departure delays by carrier and month", caption=caption, header_style="bold", padding=(0, 0))
    for name in header:
        text = name in {"carrier", "name"}
        table.add_column(name.replace("_", "\n"), justify="left" if text else "right", max_width=24)
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*[_short(value) for value in row])
    return table


def trace_tree(spans: list[dict[str, Any]], trace_id: str) -> Tree:
    """The spans of a trace as a tree with times in milliseconds; alike siblings are counted, not listed."""
    known = {span["spanId"] for span in spans}
    children: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for span in sorted(spans, key=lambda s: str(s["start"])):
        parent = span.get("parentSpanId")
        children[parent if parent in known else None].append(span)
    services = sorted({str(span["service"]) for span in spans})
    tree = Tree(f"[bold]trace {trace_id}[/]  {len(spans)} spans of {len(services)} services: {', '.join(services)}")
    _add_spans(tree, children[None], children)
    return tree


def _add_spans(tree: Tree, spans: list[dict[str, Any]], children: dict[str | None, list[dict[str, Any]]]) -> None:
    for (service, name), alike in _grouped(spans).items():
        total = sum(float(span["durationMs"]) for span in alike)
        count = f" ×{len(alike)}" if len(alike) > 1 else ""
        failed = " [red]failed[/]" if any(span["status"] == "error" for span in alike) else ""
        branch = tree.add(f"[cyan]{service}[/] {name}{count} [dim]{total:,.1f} ms[/]{failed}")
        below = [child for span in alike for child in children[span["spanId"]]]
        _add_spans(branch, below, children)


def _grouped(spans: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for span in spans:
        groups[(str(span["service"]), str(span["name"]))].append(span)
    return groups


def audit_table(items: list[dict[str, Any]], verified: set[int]) -> Table:
    """The run's audit events, each with its place in the log and whether its proof was checked."""
    table = Table(title="Audit trail of this run", header_style="bold")
    table.add_column("index", justify="right")
    for name in ("time", "event", "of", "proof"):
        table.add_column(name, no_wrap=True)
    for item in items:
        event = item["event"]
        proof = "[green]included[/]" if item["index"] in verified else "[red]not proven[/]"
        time = str(event.get("time", ""))[11:23]
        table.add_row(str(item["index"]), time, event["type"], _what(event), proof)
    return table


def _what(event: dict[str, Any]) -> str:
    """What an event tells of: its name where it has one, such as a task's, else the beginning of its subject's id."""
    data = event.get("data") or {}
    return str(data.get("name") or event.get("subject", ""))[:24]


def delivery_progress(message: dict[str, Any]) -> dict[str, Any]:
    """A settled message's deliveries as a progress message: the last one may come after the connection's end."""
    deliveries = message["deliveries"]
    done = sum(delivery["status"] == "delivered" for delivery in deliveries)
    return {"stage": "notify", "done": done, "total": len(deliveries), "unit": "deliveries"}


def print_problem(console: Console, problem: dict[str, Any]) -> None:
    """A problem in plain words, with the rows it names."""
    console.print(f"[bold red]{problem.get('title', 'The run failed')}[/]")
    if problem.get("detail"):
        console.print(f"  {problem['detail']}", markup=False)
    for row in (problem.get("invalidRows") or problem.get("errors") or [])[:20]:
        console.print("  " + ", ".join(f"{key} {value}" for key, value in row.items()), markup=False)


def _short(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
