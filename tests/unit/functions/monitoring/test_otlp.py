"""Bodies of OTLP/HTTP: encodings, compression, limits."""

import gzip
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from functions.monitoring import otlp
from functions.monitoring.errors import BadTelemetry, TelemetryTooLarge
from functions.monitoring.otlp import Encoding

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def request_json(trace_id: object = TRACE_ID) -> bytes:
    span = {"traceId": trace_id, "spanId": "b7ad6b7169203331", "parentSpanId": "", "name": "n", "unknownField": 1}
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


@given(st.binary(max_size=5_000))
def test_a_compressed_body_is_read_as_the_plain_one(body: bytes) -> None:
    assert otlp.plain_body(body, "") == body
    assert otlp.plain_body(gzip.compress(body), "gzip") == body
    assert otlp.plain_body(zlib.compress(body), "Deflate") == body


def test_a_body_that_inflates_beyond_the_limit_is_refused() -> None:
    bomb = gzip.compress(bytes(otlp.MAX_PLAIN_BYTES + 1))
    assert len(bomb) < 100_000
    with pytest.raises(TelemetryTooLarge, match="inflates"):
        otlp.plain_body(bomb, "gzip")


def test_a_body_over_the_limit_is_refused() -> None:
    with pytest.raises(TelemetryTooLarge):
        otlp.plain_body(bytes(otlp.MAX_BODY_BYTES + 1), "")


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"plain", "gzip"), (gzip.compress(b"cut", mtime=0)[:-9], "gzip"), (b"", "br")]
)
def test_a_body_that_is_not_compressed_as_said_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(BadTelemetry):
        otlp.plain_body(body, encoding)


def test_ids_are_hex_in_json() -> None:
    request = otlp.read_request(ExportTraceServiceRequest, request_json(), Encoding.JSON)
    [span] = request.resource_spans[0].scope_spans[0].spans
    assert (span.trace_id.hex(), span.parent_span_id) == (TRACE_ID, b"")


def test_both_encodings_give_the_same_request() -> None:
    request = otlp.read_request(ExportTraceServiceRequest, request_json(), Encoding.JSON)
    assert otlp.read_request(ExportTraceServiceRequest, request.SerializeToString(), Encoding.PROTOBUF) == request


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"\xff\xff\xff", Encoding.PROTOBUF),
        (b"{", Encoding.JSON),
        (b"[]", Encoding.JSON),
        (b'{"resourceSpans":5}', Encoding.JSON),
        (request_json("not hex"), Encoding.JSON),
        (request_json(7), Encoding.JSON),
        (b'{"resourceSpans":' + b"[" * 900 + b"]" * 900 + b"}", Encoding.JSON),
    ],
)
def test_other_bodies_are_refused(body: bytes, encoding: Encoding) -> None:
    with pytest.raises(BadTelemetry):
        otlp.read_request(ExportTraceServiceRequest, body, encoding)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_bad_telemetry(body: bytes) -> None:
    for encoding in Encoding:
        try:
            otlp.read_request(ExportTraceServiceRequest, body, encoding)
        except BadTelemetry:
            continue


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-protobuf2"])
def test_other_media_types_are_refused(content_type: str) -> None:
    with pytest.raises(BadTelemetry):
        otlp.encoding_of(content_type)


def test_the_answer_is_in_the_encoding_of_the_request() -> None:
    response = ExportTraceServiceResponse()
    assert otlp.encoding_of("application/json; charset=utf-8") is Encoding.JSON
    assert otlp.write_response(response, Encoding.JSON) == b"{}"
    response.partial_success.rejected_spans = 2
    assert orjson.loads(otlp.write_response(response, Encoding.JSON)) == {"partialSuccess": {"rejectedSpans": "2"}}
    assert ExportTraceServiceResponse.FromString(otlp.write_response(response, Encoding.PROTOBUF)) == response
