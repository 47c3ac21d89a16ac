"""Spans, log records and metric points as this service keeps them."""

from dataclasses import dataclass, field, replace
from typing import Any

TENANT_ATTRIBUTE = "platform.tenant"
UNTAGGED = ""
"""The tenant of what carries no tenant: infrastructure work, or work from before a caller was known."""

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One finished span. Times are nanoseconds since 1970; `status` is unset, ok or error."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    tenant: str = UNTAGGED
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record written within a trace."""

    trace_id: str
    span_id: str | None
    service: str
    time_ns: int
    severity: str
    body: str
    tenant: str = UNTAGGED
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """The latest value of one time series.

    `value` is a number for gauges and sums; histograms have count, sum, bounds and bucket counts in `distribution`.
    """

    name: str
    unit: str
    kind: str
    time_ns: int
    attributes: Attributes = field(default_factory=dict)
    value: float | int | None = None
    distribution: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class InstanceMetrics:
    """What one instance of a service exported last."""

    service: str
    instance: str
    points: list[MetricPoint]


def with_inherited_tenants(spans: list[Span]) -> list[Span]:
    """The spans of one export, each untagged one with its parent's tenant where the parent is among them.

    What is done within a tenant's request is that tenant's work.
    """
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    return [replace(span, tenant=_tenant_of(span, by_id)) if not span.tenant else span for span in spans]


def _tenant_of(span: Span, by_id: dict[tuple[str, str], Span]) -> str:
    seen = set()
    while not span.tenant and span.parent_span_id and span.span_id not in seen:
        seen.add(span.span_id)
        parent = by_id.get((span.trace_id, span.parent_span_id))
        if parent is None:
            break
        span = parent
    return span.tenant
