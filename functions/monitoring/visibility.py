"""Which spans of a trace a tenant may see. Trace ids travel outside, so that knowing one gives no right to it.

- A tenant's own spans, and what hangs below them untagged (done within its request): whole.
- Untagged spans that are joined to these by parents, without another tenant's span between: what happened where and
  when, with the attributes of SHARED_ATTRIBUTES only.
- Other tenants' spans: never. Nor anything at all of a trace without a span of the tenant.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from functions.monitoring.records import Span

SHARED_ATTRIBUTES = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "messaging.destination.name",
        "messaging.system",
    }
)


def visible_spans(own: Iterable[Span], untagged: Iterable[Span]) -> list[Span]:
    """What a tenant sees of one trace, ordered by start; repeated spans once."""
    mine = {span.span_id: span for span in own}
    if not mine:
        return []
    others = {span.span_id: span for span in untagged if span.span_id not in mine}
    below = _below(set(mine), others)
    mine |= {span_id: others.pop(span_id) for span_id in below}
    joined = [_reduced(others[span_id]) for span_id in _joined(mine.values(), others)]
    return sorted([*mine.values(), *joined], key=lambda span: (span.start_ns, span.span_id))


def own_span_ids(own: Iterable[Span], untagged: Iterable[Span]) -> set[str]:
    """The ids of the spans that are the tenant's own work."""
    mine = {span.span_id for span in own}
    others = {span.span_id: span for span in untagged if span.span_id not in mine}
    return mine | _below(mine, others)


def _below(roots: set[str], spans: dict[str, Span]) -> set[str]:
    children: dict[str, list[str]] = defaultdict(list)
    for span in spans.values():
        if span.parent_span_id:
            children[span.parent_span_id].append(span.span_id)
    return _reached(roots, children) - roots


def _joined(mine: Iterable[Span], spans: dict[str, Span]) -> set[str]:
    neighbours: dict[str, list[str]] = defaultdict(list)
    start = set()
    for span in [*mine, *spans.values()]:
        if span.parent_span_id:
            neighbours[span.span_id].append(span.parent_span_id)
            neighbours[span.parent_span_id].append(span.span_id)
    for span in mine:
        start.add(span.span_id)
    return _reached(start, neighbours) & spans.keys()


def _reached(start: set[str], edges: dict[str, list[str]]) -> set[str]:
    reached, waiting = set(start), list(start)
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _reduced(span: Span) -> Span:
    return replace(span, attributes={k: v for k, v in span.attributes.items() if k in SHARED_ATTRIBUTES})
