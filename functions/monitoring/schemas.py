"""The monitoring service's contracts. Times are RFC 3339 UTC, durations milliseconds."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from chassis.models import Contract


class ServiceStatus(Contract):
    """One service: up, degraded (answers, is not ready) or down (does not answer)."""

    service: str
    status: Literal["up", "degraded", "down"]
    latency_ms: float
    detail: dict[str, Any] = Field(default_factory=dict)


class PlatformHealth(Contract):
    """healthy when every service is up."""

    status: Literal["healthy", "degraded"]
    services: list[ServiceStatus]


class TraceSpan(Contract):
    """One span of a trace. Attributes keep the names that they have in OpenTelemetry."""

    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str
    start: datetime
    duration_ms: float
    status: Literal["unset", "ok", "error"]
    attributes: dict[str, Any]


class Trace(Contract):
    """What the caller's tenant may see of a trace, ordered by start."""

    trace_id: str
    spans: list[TraceSpan]


class LogEntry(Contract):
    """One log record of a trace."""

    time: datetime
    severity: str
    service: str
    span_id: str | None
    body: str
    attributes: dict[str, Any]


class TraceLogs(Contract):
    """The log records of the caller's tenant in a trace, ordered by time."""

    trace_id: str
    items: list[LogEntry]


class MetricValue(Contract):
    """One point: `value` for gauges and sums, `distribution` (count, sum, bounds, counts) for histograms."""

    name: str
    unit: str
    kind: str
    time: datetime
    attributes: dict[str, Any]
    value: float | int | None = None
    distribution: dict[str, Any] | None = None


class InstanceValues(Contract):
    """The points that one instance of a service exported last."""

    service: str
    instance: str
    received_at: datetime
    points: list[MetricValue]


class LatestValues(Contract):
    """The latest values of one service's instances, or all services'."""

    items: list[InstanceValues]
