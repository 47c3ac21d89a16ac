"""Telemetry through the HTTP trigger, on real tables."""

import gzip
from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from chassis.runtime import Runtime
from functions.monitoring.records import Span
from functions.monitoring.repository import TraceRecords, purge
from tests.trigger_client import Answer

from .conftest import Client

PROTOBUF = {"content_type": "application/x-protobuf", "content_encoding": "gzip"}


def attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


class Export:
    """A trace export being put together."""

    def __init__(self, service: str) -> None:
        self.request = ExportTraceServiceRequest()
        resource = self.request.resource_spans.add()
        resource.resource.attributes.append(attribute("service.name", service))
        self._spans = resource.scope_spans.add().spans

    def span(self, trace_id: str, span_id: int, parent: int = 0, tenant: str = "", start: int = 0) -> "Export":
        self._spans.add(
            trace_id=bytes.fromhex(trace_id),
            span_id=span_id.to_bytes(8),
            parent_span_id=parent.to_bytes(8) if parent else b"",
            name=f"span {span_id}",
            start_time_unix_nano=1_700_000_000_000_000_000 + start,
            end_time_unix_nano=1_700_000_000_000_000_000 + start + 2_500_000,
            attributes=[attribute("platform.tenant", tenant)] if tenant else [attribute("db.statement", "select")],
        )
        return self


async def send(client: Client, signal: str, request: Any) -> Answer:
    body = gzip.compress(request.SerializeToString())
    return await client.ask("POST", f"/monitoring/otlp/v1/{signal}", body=body, **PROTOBUF)


@pytest.fixture
def trace_id() -> str:
    return uuid4().hex


async def test_a_trace_is_put_together_from_several_exports(client: Client, trace_id: str) -> None:
    me = client.tenant
    assert (await send(client, "traces", Export("workflow").span(trace_id, 2, 1, me, 10).request)).status == 200
    edge = Export("gateway").span(trace_id, 1, start=0)
    assert (await send(client, "traces", edge.request)).status == 200
    worker = Export("processing").span(trace_id, 3, 2, me, 20).span(trace_id, 4, 3, start=30)
    for _ in range(2):  # an exporter may send twice
        await send(client, "traces", worker.request)
    trace = (await client.ask("GET", f"/monitoring/traces/{trace_id}")).body
    assert [(s["service"], s["name"], s["durationMs"]) for s in trace["spans"]] == [
        ("gateway", "span 1", 2.5),
        ("workflow", "span 2", 2.5),
        ("processing", "span 3", 2.5),
        ("processing", "span 4", 2.5),
    ]
    assert trace["spans"][0]["attributes"] == {}, "infrastructure is shown without its details"
    assert trace["spans"][3]["attributes"] == {"db.statement": "select"}
    assert trace["spans"][1]["start"] == "2023-11-14T22:13:20Z"


async def test_another_tenants_spans_are_never_shown(client: Client, trace_id: str) -> None:
    mine, theirs = client.tenant, uuid4().hex
    export = Export("gateway").span(trace_id, 1).span(trace_id, 2, 1, mine).span(trace_id, 3, 1, theirs)
    await send(client, "traces", export.request)
    await send(client, "traces", Export("processing").span(trace_id, 5, 3).request)
    assert await seen_by(client, trace_id) == {"span 1", "span 2"}
    assert await seen_by(Client(theirs), trace_id) == {"span 1", "span 3", "span 5"}
    stranger = await Client().ask("GET", f"/monitoring/traces/{trace_id}")
    assert (stranger.status, stranger.body["type"]) == (404, "urn:problem:monitoring:trace-not-found")


async def seen_by(client: Client, trace_id: str) -> set[str]:
    trace = await client.ask("GET", f"/monitoring/traces/{trace_id}")
    return {span["name"] for span in trace.body["spans"]}


async def test_an_export_of_many_traces_is_stored_whole(client: Client) -> None:
    traces = [uuid4().hex for _ in range(300)]
    export = Export("gateway")
    for number, each in enumerate(traces):
        export.span(each, number + 1, tenant=client.tenant)
    await send(client, "traces", export.request)
    for each in traces[::60]:
        assert len((await client.ask("GET", f"/monitoring/traces/{each}")).body["spans"]) == 1


async def test_logs_are_shown_to_the_tenant_whose_work_wrote_them(client: Client, trace_id: str) -> None:
    await send(client, "traces", Export("processing").span(trace_id, 1, tenant=client.tenant).span(trace_id, 2).request)
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for span_id, text in ((1, "mine"), (2, "nobody's"), (9, "another's")):
        body = AnyValue(string_value=text)
        records.add(trace_id=bytes.fromhex(trace_id), span_id=span_id.to_bytes(8), body=body, severity_number=13)
    assert (await send(client, "logs", request)).status == 200
    logs = (await client.ask("GET", f"/monitoring/logs?traceId={trace_id}")).body
    assert [(each["body"], each["severity"]) for each in logs["items"]] == [("mine", "warn")]
    assert (await Client().ask("GET", f"/monitoring/logs?traceId={trace_id}")).body["items"] == []


async def test_the_latest_metric_values_replace_earlier_ones(client: Client) -> None:
    service = f"s{uuid4().hex[:8]}"
    for value in (3, 5):
        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        resource.resource.attributes.append(attribute("service.name", service))
        points = resource.scope_metrics.add().metrics.add(name="requests").sum.data_points
        points.add(as_int=value, time_unix_nano=time_ns(), attributes=[attribute("platform.tenant", client.tenant)])
        points.add(as_int=99, attributes=[attribute("platform.tenant", "another")])
        assert (await send(client, "metrics", request)).status == 200
    for path in ("/monitoring/metrics/query", "/monitoring/metrics"):
        [instance] = (await client.ask("GET", f"{path}?service={service}")).body["items"]
        assert [point["value"] for point in instance["points"]] == [5]


async def test_json_is_taken_too_and_what_is_left_out_is_counted(client: Client, trace_id: str) -> None:
    good = {"traceId": trace_id, "spanId": "00000000000000aa", "name": "from json"}
    good["attributes"] = [{"key": "platform.tenant", "value": {"stringValue": client.tenant}}]
    bad = {"traceId": "", "spanId": "00000000000000ab"}
    answer = await client.ask(
        "POST", "/monitoring/otlp/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [good, bad]}]}]}
    )
    assert answer.status == 200
    assert answer.body["partialSuccess"]["rejectedSpans"] == "1"
    assert await seen_by(client, trace_id) == {"from json"}


async def test_hostile_bodies_get_a_clear_answer(client: Client) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    cases = [
        (await client.ask("POST", "/monitoring/otlp/v1/traces", body=b"\xff", **PROTOBUF), 400),
        (await client.ask("POST", "/monitoring/otlp/v1/traces", body=bomb, **PROTOBUF), 413),
        (await client.ask("POST", "/monitoring/otlp/v1/metrics", body=b"x", content_type="text/csv"), 400),
        (await client.ask("GET", "/monitoring/traces/nonsense"), 400),
        (await client.ask("GET", "/monitoring/logs"), 400),
    ]
    for answer, status in cases:
        assert answer.status == status, answer
        assert answer.body["type"].startswith("urn:problem:")


async def test_what_is_past_its_time_is_removed(runtime: Runtime) -> None:
    table = runtime.tables.table(f"spans{uuid4().hex[:8]}")
    spans = [Span(uuid4().hex, "1" * 16, None, "s", "n", "server", 1, 2, "ok", "acme") for _ in range(150)]
    await TraceRecords(table, Span, timedelta(days=-1)).add(spans)
    kept = TraceRecords(table, Span, timedelta(days=1))
    await kept.add(spans[:1])
    assert await purge(table, datetime.now(UTC)) == 150
    assert len(await kept.of_trace("acme", spans[0].trace_id)) == 1
    assert await kept.of_trace("acme", spans[1].trace_id) == []
