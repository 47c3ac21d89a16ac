"""OTLP messages to records. What can't be kept (no id, a tenant that is no tenant) is counted, not guessed at."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from functions.monitoring.records import (
    TENANT_ATTRIBUTE,
    UNTAGGED,
    Attributes,
    InstanceMetrics,
    LogRecord,
    MetricPoint,
    Span,
)

MAX_ATTRIBUTES = 64
MAX_TEXT = 1_024
MAX_POINTS = 5_000
TENANT = re.compile(r"[A-Za-z0-9._\-]{1,64}")
SEVERITIES = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
STATUSES = ("unset", "ok", "error")
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")

Record = TypeVar("Record")


@dataclass
class Decoded(Generic[Record]):
    """The records of one export, and how many were left out."""

    records: list[Record] = field(default_factory=list)
    rejected: int = 0


def decode_spans(request: ExportTraceServiceRequest) -> Decoded[Span]:
    """All spans of an export."""
    decoded = Decoded[Span]()
    for resource in request.resource_spans:
        service = service_of(resource.resource)
        for scope in resource.scope_spans:
            for message in scope.spans:
                _keep(decoded, _span(message, service))
    return decoded


def decode_logs(request: ExportLogsServiceRequest) -> Decoded[LogRecord]:
    """All log records of an export that belong to a trace."""
    decoded = Decoded[LogRecord]()
    for resource in request.resource_logs:
        service = service_of(resource.resource)
        for scope in resource.scope_logs:
            for message in scope.log_records:
                _keep(decoded, _log_record(message, service))
    return decoded


def decode_metrics(request: ExportMetricsServiceRequest) -> list[InstanceMetrics]:
    """The points of an export by instance, at most MAX_POINTS each."""
    found: dict[tuple[str, str], list[MetricPoint]] = {}
    for resource in request.resource_metrics:
        points = found.setdefault((service_of(resource.resource), instance_of(resource.resource)), [])
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points += _points(metric)
    return [InstanceMetrics(*key, points[:MAX_POINTS]) for key, points in found.items()]


def service_of(resource: Resource) -> str:
    """The resource's service.name."""
    return _text_of(resource, "service.name") or "unknown"


def instance_of(resource: Resource) -> str:
    """The resource's service.instance.id, or the process that it names."""
    return _text_of(resource, "service.instance.id") or _text_of(resource, "process.pid") or "-"


def attributes_of(pairs: Iterable[KeyValue]) -> Attributes:
    """Attributes as JSON values: at most 64, long texts cut."""
    found: Attributes = {}
    for pair in pairs:
        if len(found) == MAX_ATTRIBUTES:
            break
        found[pair.key[:MAX_TEXT]] = json_value(pair.value)
    return found


def json_value(value: AnyValue) -> Any:
    """One attribute value. Bytes are hex."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value[:MAX_TEXT]
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value[: MAX_TEXT // 2].hex()
        case "array_value":
            return [json_value(each) for each in value.array_value.values[:MAX_ATTRIBUTES]]
        case "kvlist_value":
            return attributes_of(value.kvlist_value.values)
    return None


def _keep(decoded: Decoded[Record], record: Record | None) -> None:
    if record is None:
        decoded.rejected += 1
    else:
        decoded.records.append(record)


def _span(message: trace_pb2.Span, service: str) -> Span | None:
    attributes = attributes_of(message.attributes)
    tenant = _tenant(attributes)
    if not _is_id(message.trace_id, 16) or not _is_id(message.span_id, 8) or tenant is None:
        return None
    return Span(
        trace_id=message.trace_id.hex(),
        span_id=message.span_id.hex(),
        parent_span_id=message.parent_span_id.hex() if _is_id(message.parent_span_id, 8) else None,
        service=service,
        name=message.name[:MAX_TEXT],
        kind=_named(KINDS, message.kind),
        start_ns=message.start_time_unix_nano,
        end_ns=max(message.start_time_unix_nano, message.end_time_unix_nano),
        status=_named(STATUSES, message.status.code),
        tenant=tenant,
        attributes=attributes,
    )


def _log_record(message: logs_pb2.LogRecord, service: str) -> LogRecord | None:
    attributes = attributes_of(message.attributes)
    tenant = _tenant(attributes)
    if not _is_id(message.trace_id, 16) or tenant is None:
        return None
    return LogRecord(
        trace_id=message.trace_id.hex(),
        span_id=message.span_id.hex() if _is_id(message.span_id, 8) else None,
        service=service,
        time_ns=message.time_unix_nano or message.observed_time_unix_nano,
        severity=_named(SEVERITIES, (message.severity_number + 3) // 4),
        body=str(json_value(message.body)),
        tenant=tenant,
        attributes=attributes,
    )


def _points(metric: metrics_pb2.Metric) -> list[MetricPoint]:
    kind = metric.WhichOneof("data")
    match kind:
        case "gauge" | "sum":
            numbers = (metric.gauge if kind == "gauge" else metric.sum).data_points
            return [_number_point(metric, kind, point) for point in numbers]
        case "histogram":
            return [_histogram_point(metric, point) for point in metric.histogram.data_points]
    return []


def _number_point(metric: metrics_pb2.Metric, kind: str, point: metrics_pb2.NumberDataPoint) -> MetricPoint:
    value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
    attributes = attributes_of(point.attributes)
    return MetricPoint(metric.name, metric.unit, kind, point.time_unix_nano, attributes, value=value)


def _histogram_point(metric: metrics_pb2.Metric, point: metrics_pb2.HistogramDataPoint) -> MetricPoint:
    distribution = {
        "count": point.count,
        "sum": point.sum,
        "bounds": list(point.explicit_bounds),
        "counts": list(point.bucket_counts),
    }
    attributes = attributes_of(point.attributes)
    return MetricPoint(
        metric.name, metric.unit, "histogram", point.time_unix_nano, attributes, distribution=distribution
    )


def _tenant(attributes: Attributes) -> str | None:
    """The tenant, UNTAGGED without one; None when the attribute holds no tenant's name."""
    value = attributes.get(TENANT_ATTRIBUTE)
    if value is None:
        return UNTAGGED
    return value if isinstance(value, str) and TENANT.fullmatch(value) else None


def _text_of(resource: Resource, key: str) -> str:
    value = next((json_value(pair.value) for pair in resource.attributes if pair.key == key), None)
    return str(value)[:128] if value not in (None, "") else ""


def _is_id(value: bytes, length: int) -> bool:
    return len(value) == length and any(value)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]
