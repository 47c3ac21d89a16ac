"""Where a service's traces, metrics and logs go: Azure Monitor, or an OTLP receiver."""

import atexit
import logging
import os
from dataclasses import dataclass

import requests
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

TIMEOUT_S = 5
METRICS_EVERY_MS = 10_000
LOGS_EVERY_MS = 2_000


@dataclass(frozen=True)
class Signals:
    """The providers that spans and instruments are made by."""

    traces: trace.TracerProvider
    meters: metrics.MeterProvider

    def flush(self, timeout_ms: int) -> None:
        """Send the spans that are waiting."""
        if isinstance(self.traces, TracerProvider):
            self.traces.force_flush(timeout_ms)


@dataclass(frozen=True)
class OtlpTarget:
    """An OTLP/HTTP receiver: its base address, a session that signs requests, and how often spans are sent."""

    endpoint: str
    session: requests.Session
    spans_every_ms: int


def to_azure_monitor(connection: str, resource: Resource, reader: MetricReader) -> Signals:
    """Traces, metrics and logs to Application Insights; `reader` sees the metrics too.

    The distribution sets the process's global providers: with several services in one process the first one's
    resource names them all. On AKS each process runs one service.

    Its own default sampler keeps five traces a second and cuts traces apart between services; here the edge decides
    and everyone follows it, unless OTEL_TRACES_SAMPLER says otherwise.
    """
    from azure.monitor.opentelemetry import configure_azure_monitor

    os.environ.setdefault("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    configure_azure_monitor(connection_string=connection, resource=resource, metric_readers=[reader])
    return Signals(trace.get_tracer_provider(), metrics.get_meter_provider())


def to_otlp(target: OtlpTarget, resource: Resource, reader: MetricReader) -> Signals:
    """Traces, metrics and logs (warnings and above) to the receiver; `reader` sees the metrics too."""
    _export_logs(target, resource)
    readers = [reader, _metric_exporter(target)]
    return Signals(_span_provider(target, resource), MeterProvider(readers, resource=resource))


def _span_provider(target: OtlpTarget, resource: Resource) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(f"{target.endpoint}/v1/traces", session=target.session, timeout=TIMEOUT_S)
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=target.spans_every_ms))
    return provider


def _metric_exporter(target: OtlpTarget) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(f"{target.endpoint}/v1/metrics", session=target.session, timeout=TIMEOUT_S)
    return PeriodicExportingMetricReader(exporter, export_interval_millis=METRICS_EVERY_MS)


def _export_logs(target: OtlpTarget, resource: Resource) -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    exporter = OTLPLogExporter(f"{target.endpoint}/v1/logs", session=target.session, timeout=TIMEOUT_S)
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=LOGS_EVERY_MS))
    handler = LoggingHandler(level=logging.WARNING, logger_provider=provider)
    handler.addFilter(_not_of_the_exporter)
    logging.getLogger().addHandler(handler)
    atexit.register(_fall_silent, handler)


def _fall_silent(handler: logging.Handler) -> None:
    """At the interpreter's end nobody takes logs any more, and connections are closed by the system."""
    logging.getLogger().removeHandler(handler)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _not_of_the_exporter(record: logging.LogRecord) -> bool:
    """Logs about sending telemetry are not sent as telemetry: they would feed themselves."""
    return not record.name.startswith(("opentelemetry", "urllib3", "requests"))
