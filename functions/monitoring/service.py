"""Taking in telemetry, and answering for one tenant what happened in a trace."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.monitoring.decoding import Decoded, decode_logs, decode_metrics, decode_spans
from functions.monitoring.errors import TraceNotFound
from functions.monitoring.health import HealthWatch
from functions.monitoring.records import (
    TENANT_ATTRIBUTE,
    UNTAGGED,
    InstanceMetrics,
    LogRecord,
    MetricPoint,
    Span,
    with_inherited_tenants,
)
from functions.monitoring.repository import LatestMetrics, TraceRecords
from functions.monitoring.schemas import (
    InstanceValues,
    LatestValues,
    LogEntry,
    MetricValue,
    PlatformHealth,
    ServiceStatus,
    Trace,
    TraceLogs,
    TraceSpan,
)
from functions.monitoring.visibility import own_span_ids, visible_spans

FRESH_FOR = timedelta(minutes=2)
"""An instance that exported nothing for so long (12 exports) has no latest values any more."""


class MonitoringService:
    """The platform's telemetry."""

    def __init__(
        self,
        spans: TraceRecords[Span],
        logs: TraceRecords[LogRecord],
        metrics: LatestMetrics,
        health: HealthWatch,
    ) -> None:
        self._spans = spans
        self._logs = logs
        self._metrics = metrics
        self._health = health

    async def take_spans(self, request: Any) -> int:
        """Store the spans of an ExportTraceServiceRequest; returns how many were left out."""
        decoded: Decoded[Span] = await asyncio.to_thread(decode_spans, request)
        await self._spans.add(with_inherited_tenants(decoded.records))
        return decoded.rejected

    async def take_logs(self, request: Any) -> int:
        """Store the records of an ExportLogsServiceRequest; returns how many were left out (those of no trace)."""
        decoded: Decoded[LogRecord] = await asyncio.to_thread(decode_logs, request)
        await self._logs.add(decoded.records)
        return decoded.rejected

    async def take_metrics(self, request: Any) -> int:
        """Store the points of an ExportMetricsServiceRequest in place of the instances' earlier ones."""
        instances = await asyncio.to_thread(decode_metrics, request)
        await asyncio.gather(*(self._metrics.put(each) for each in instances))
        return 0

    async def trace(self, tenant: str, trace_id: str) -> Trace:
        """What the tenant may see of a trace. Raises TraceNotFound when it has no part in it."""
        spans = visible_spans(*await self._spans_of(tenant, trace_id))
        if not spans:
            raise TraceNotFound("no span of yours is known in this trace (spans arrive a few seconds late)")
        return Trace(trace_id=trace_id, spans=[_trace_span(span) for span in spans])

    async def logs(self, tenant: str, trace_id: str) -> TraceLogs:
        """The tenant's log records of a trace: those that name it, and those written within its own spans."""
        mine = own_span_ids(*await self._spans_of(tenant, trace_id))
        tagged, untagged = await asyncio.gather(
            self._logs.of_trace(tenant, trace_id), self._logs.of_trace(UNTAGGED, trace_id)
        )
        records = tagged + [record for record in untagged if record.span_id in mine]
        records.sort(key=lambda record: record.time_ns)
        return TraceLogs(trace_id=trace_id, items=[_log_entry(record) for record in records])

    async def metrics(self, tenant: str, service: str | None) -> LatestValues:
        """The latest values, without time series that name another tenant."""
        found = await self._metrics.get(service, FRESH_FOR)
        return LatestValues(items=[_instance_values(instance, at, tenant) for instance, at in found])

    async def health(self) -> PlatformHealth:
        """The readiness of all services, at most a second old."""
        found = await self._health.look()
        services = [
            ServiceStatus(service=each.service, status=each.status, latency_ms=each.latency_ms, detail=each.detail)
            for each in found
        ]
        healthy = all(each.status == "up" for each in found)
        return PlatformHealth(status="healthy" if healthy else "degraded", services=services)

    async def purge(self) -> int:
        """Remove what is past its retention time; returns the number of rows."""
        return await self._spans.purge() + await self._logs.purge() + await self._metrics.purge()

    async def _spans_of(self, tenant: str, trace_id: str) -> tuple[list[Span], list[Span]]:
        """The tenant's spans of a trace, and those of no tenant; the latter are not even read without the former."""
        own = await self._spans.of_trace(tenant, trace_id)
        return own, await self._spans.of_trace(UNTAGGED, trace_id) if own else []


def _trace_span(span: Span) -> TraceSpan:
    return TraceSpan(
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        service=span.service,
        name=span.name,
        kind=span.kind,
        start=_time(span.start_ns),
        duration_ms=round((span.end_ns - span.start_ns) / 1e6, 3),
        status=span.status,
        attributes=span.attributes,
    )


def _log_entry(record: LogRecord) -> LogEntry:
    return LogEntry(
        time=_time(record.time_ns),
        severity=record.severity,
        service=record.service,
        span_id=record.span_id,
        body=record.body,
        attributes=record.attributes,
    )


def _instance_values(metrics: InstanceMetrics, received_at: datetime, tenant: str) -> InstanceValues:
    points = [_metric_value(p) for p in metrics.points if p.attributes.get(TENANT_ATTRIBUTE, tenant) == tenant]
    return InstanceValues(service=metrics.service, instance=metrics.instance, received_at=received_at, points=points)


def _metric_value(point: MetricPoint) -> MetricValue:
    return MetricValue(
        name=point.name,
        unit=point.unit,
        kind=point.kind,
        time=_time(point.time_ns),
        attributes=point.attributes,
        value=point.value,
        distribution=point.distribution,
    )


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC) + timedelta(
        microseconds=nanoseconds % 1_000_000_000 // 1000
    )
