"""OTLP messages to records."""

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from functions.monitoring.decoding import (
    MAX_ATTRIBUTES,
    MAX_TEXT,
    attributes_of,
    decode_logs,
    decode_metrics,
    decode_spans,
)

TRACE, SPAN = bytes(range(16)), bytes(range(1, 9))


def attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def export(**fields: Any) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(attribute("service.name", "processing"))
    values = {"trace_id": TRACE, "span_id": SPAN, "name": "work", "start_time_unix_nano": 5, "end_time_unix_nano": 9}
    resource.scope_spans.add().spans.add(**{**values, **fields})
    return request


def test_a_span_keeps_what_it_said() -> None:
    decoded = decode_spans(export(kind=2, status={"code": 2}, attributes=[attribute("platform.tenant", "acme")]))
    [span] = decoded.records
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE.hex(), SPAN.hex(), None)
    assert (span.service, span.kind, span.status, span.tenant) == ("processing", "server", "error", "acme")
    assert (span.start_ns, span.end_ns, decoded.rejected) == (5, 9, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": b""},
        {"trace_id": bytes(16)},
        {"span_id": b"1234"},
        {"attributes": [attribute("platform.tenant", "a/b")]},
        {"attributes": [attribute("platform.tenant", "")]},
        {"attributes": [KeyValue(key="platform.tenant", value=AnyValue(int_value=1))]},
    ],
)
def test_a_span_without_an_id_or_with_a_strange_tenant_is_left_out_and_counted(fields: dict[str, Any]) -> None:
    decoded = decode_spans(export(**fields))
    assert (decoded.records, decoded.rejected) == ([], 1)


def test_a_span_that_ends_before_it_starts_has_no_duration() -> None:
    [span] = decode_spans(export(start_time_unix_nano=9, end_time_unix_nano=5)).records
    assert span.end_ns == span.start_ns


def test_attributes_are_bounded_in_number_and_length() -> None:
    found = attributes_of([attribute(f"k{n}", "x" * 5_000) for n in range(100)])
    assert len(found) == MAX_ATTRIBUTES
    assert {len(value) for value in found.values()} == {MAX_TEXT}


def test_attributes_of_every_kind_become_json_values() -> None:
    pairs = ParseDict(
        {
            "attributes": [
                {"key": "i", "value": {"intValue": "7"}},
                {"key": "d", "value": {"doubleValue": 0.5}},
                {"key": "b", "value": {"boolValue": True}},
                {"key": "x", "value": {"bytesValue": "/w=="}},
                {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {}]}}},
                {"key": "m", "value": {"kvlistValue": {"values": [{"key": "n", "value": {"intValue": "1"}}]}}},
            ]
        },
        ExportTraceServiceRequest().resource_spans.add().resource,
    ).attributes
    assert attributes_of(pairs) == {"i": 7, "d": 0.5, "b": True, "x": "ff", "l": ["a", None], "m": {"n": 1}}


def test_a_log_record_outside_any_trace_is_left_out() -> None:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(
        trace_id=TRACE, span_id=SPAN, severity_number=17, body=AnyValue(string_value="failed"), time_unix_nano=3
    )
    records.add(body=AnyValue(string_value="started"))
    decoded = decode_logs(request)
    [record] = decoded.records
    assert (record.severity, record.body, record.time_ns, record.service) == ("error", "failed", 3, "unknown")
    assert decoded.rejected == 1


def test_metric_points_are_grouped_by_instance() -> None:
    request = ExportMetricsServiceRequest()
    for instance in ("a", "b"):
        resource = request.resource_metrics.add()
        resource.resource.attributes.extend(
            [attribute("service.name", "edge"), attribute("service.instance.id", instance)]
        )
        metrics = resource.scope_metrics.add().metrics
        metrics.add(name="requests", unit="1").sum.data_points.add(as_int=3, time_unix_nano=1)
        metrics.add(name="load").gauge.data_points.add(as_double=0.5)
        metrics.add(name="duration", unit="s").histogram.data_points.add(
            count=2, sum=1.5, explicit_bounds=[1.0], bucket_counts=[1, 1]
        )
    found = decode_metrics(request)
    assert [(each.service, each.instance) for each in found] == [("edge", "a"), ("edge", "b")]
    assert [(p.name, p.kind, p.value) for p in found[0].points] == [
        ("requests", "sum", 3),
        ("load", "gauge", 0.5),
        ("duration", "histogram", None),
    ]
    assert found[0].points[2].distribution == {"count": 2, "sum": 1.5, "bounds": [1.0], "counts": [1, 1]}
