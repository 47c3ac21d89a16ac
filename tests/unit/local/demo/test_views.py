from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from local.demo.views import audit_table, print_problem, result_table, trace_tree


def drawn(renderable: Any) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(renderable)
    return console.export_text()


def span(service: str, name: str, span_id: str, parent: str | None = None, ms: float = 1.0) -> dict[str, Any]:
    return {
        "service": service,
        "name": name,
        "spanId": span_id,
        "parentSpanId": parent,
        "start": f"2026-01-01T00:00:0{len(span_id)}Z",
        "durationMs": ms,
        "status": "ok",
    }


def test_the_trace_is_a_tree_and_alike_siblings_are_counted() -> None:
    spans = [span("gateway", "in", "a"), span("audit", "append", "bb", "a", 2), span("audit", "append", "cc", "a", 3)]
    text = drawn(trace_tree(spans, "ff"))
    assert "3 spans of 2 services: audit, gateway" in text
    assert "audit append ×2 5.0 ms" in text


def test_a_span_whose_parent_is_not_there_is_a_root() -> None:
    assert "metadata read" in drawn(trace_tree([span("metadata", "read", "a", "gone")], "ff"))


def test_the_table_says_how_many_rows_it_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("carrier,flights\n" + "".join(f"C{i},{i * 1000}\n" for i in range(30)))
    text = drawn(result_table(path))
    assert "12 more rows" in text
    assert "17,000" in text


def test_an_event_without_a_checked_proof_is_shown_as_such() -> None:
    items = [{"index": i, "event": {"type": "x.y", "time": "2026-01-01T00:00:00Z", "subject": "s"}} for i in (0, 1)]
    text = drawn(audit_table(items, {0}))
    assert text.count("included") == 1
    assert text.count("not proven") == 1


def test_a_problem_names_the_bad_rows() -> None:
    console = Console(width=160, record=True, file=StringIO())
    print_problem(
        console, {"title": "Bad", "detail": "2 rows", "invalidRows": [{"row": 1000, "reason": "not [a] number"}]}
    )
    text = console.export_text()
    assert "row 1000" in text
    assert "not [a] number" in text
