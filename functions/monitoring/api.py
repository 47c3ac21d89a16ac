"""The monitoring service's HTTP API: OTLP in, health, traces, logs and metrics out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.openapi import takes
from functions.monitoring import composition, otlp
from functions.monitoring.schemas import LatestValues, PlatformHealth, Trace, TraceLogs

router = APIRouter(prefix="/monitoring", tags=["monitoring"])

TRACE_ID = r"^[0-9a-f]{32}$"
READ, INGEST = "monitoring.read", "monitoring.ingest"
Take = Callable[[Any], Awaitable[int]]
OTLP_BODY = takes("application/json", "application/x-protobuf")


@router.post("/otlp/v1/traces", openapi_extra=OTLP_BODY)
async def take_traces(request: Request, caller: Principal = requires(INGEST)) -> Response:
    """OTLP/HTTP trace export (protobuf or JSON, plain or gzip)."""
    response = trace_pb2.ExportTraceServiceResponse()
    return await _take(
        request, trace_pb2.ExportTraceServiceRequest, composition.service().take_spans, response, "spans"
    )


@router.post("/otlp/v1/logs", openapi_extra=OTLP_BODY)
async def take_logs(request: Request, caller: Principal = requires(INGEST)) -> Response:
    """OTLP/HTTP log export (protobuf or JSON, plain or gzip); records that belong to no trace are not kept."""
    response = logs_pb2.ExportLogsServiceResponse()
    kind = logs_pb2.ExportLogsServiceRequest
    return await _take(request, kind, composition.service().take_logs, response, "log_records")


@router.post("/otlp/v1/metrics", openapi_extra=OTLP_BODY)
async def take_metrics(request: Request, caller: Principal = requires(INGEST)) -> Response:
    """OTLP/HTTP metric export (protobuf or JSON, plain or gzip); the latest points are kept."""
    response = metrics_pb2.ExportMetricsServiceResponse()
    kind = metrics_pb2.ExportMetricsServiceRequest
    return await _take(request, kind, composition.service().take_metrics, response, "data_points")


@router.get("/health")
async def get_health(caller: Principal = requires(READ)) -> PlatformHealth:
    """The readiness of every service."""
    return await composition.service().health()


@router.get("/traces/{traceId}")
async def get_trace(
    trace_id: Annotated[str, Path(alias="traceId", pattern=TRACE_ID)], caller: Principal = requires(READ)
) -> Trace:
    """What the caller's tenant may see of a trace, ordered by start."""
    return await composition.service().trace(caller.tenant, trace_id)


@router.get("/logs")
async def list_logs(
    trace_id: Annotated[str, Query(alias="traceId", pattern=TRACE_ID)], caller: Principal = requires(READ)
) -> TraceLogs:
    """The tenant's log records of a trace, ordered by time."""
    return await composition.service().logs(caller.tenant, trace_id)


@router.get("/metrics/query")
async def query_metrics(
    service: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9\-]{0,62}$")] = None,
    caller: Principal = requires(READ),
) -> LatestValues:
    """The latest metric values; also at `/monitoring/metrics` for callers with a token (see front.py)."""
    return await composition.service().metrics(caller.tenant, service)


async def _take(request: Request, kind: type[Any], take: Take, response: Any, counted: str) -> Response:
    encoding = otlp.encoding_of(request.headers.get("content-type", ""))
    body = otlp.plain_body(await request.body(), request.headers.get("content-encoding", ""))
    rejected = await take(otlp.read_request(kind, body, encoding))
    if rejected:
        setattr(response.partial_success, f"rejected_{counted}", rejected)
        response.partial_success.error_message = "without a trace id, or with an id or tenant that is not valid"
    return Response(otlp.write_response(response, encoding), media_type=encoding.value)
