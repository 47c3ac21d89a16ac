"""Telemetry of one service: traces, metrics and logs, to OTLP or to Azure Monitor, and metrics for Prometheus."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Tracer
from prometheus_client import CollectorRegistry, ProcessCollector

from chassis.auth.service_token import BearerAuth, ServiceToken
from chassis.settings import Settings


class Telemetry:
    """Made once per service. Without an endpoint, spans are made (so that ids flow) and go nowhere."""

    def __init__(self, service: str, version: str, settings: Settings, token: ServiceToken) -> None:
        self._settings = settings
        self._resource = Resource.create({"service.name": service, "service.version": version})
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._session = requests.Session()
        self._session.auth = BearerAuth(token)
        self._traces = TracerProvider(resource=self._resource)
        self._meters = self._meter_provider()
        self._add_exporters()
        self.tracer: Tracer = self._traces.get_tracer("platform")
        self._meter = self._meters.get_meter("platform")
        self.request_duration = self.histogram("http.server.request.duration", "s", "Duration of HTTP requests")

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[Span]:
        """A span around a block; an exception marks it failed and passes on. Attribute `a_b` is written `a.b`."""
        named = {key.replace("_", "."): value for key, value in attributes.items() if value is not None}
        with self.tracer.start_as_current_span(name, attributes=named) as span:
            yield span

    def counter(self, name: str, unit: str, description: str) -> Counter:
        """A counter; attributes of its measurements are of few values."""
        return self._meter.create_counter(name, unit, description)

    def histogram(self, name: str, unit: str, description: str) -> Histogram:
        """A histogram; durations are in seconds."""
        return self._meter.create_histogram(name, unit, description)

    def flush(self) -> None:
        """Send what is waiting, at most for two seconds."""
        self._traces.force_flush(2000)

    def _meter_provider(self) -> MeterProvider:
        readers: list[Any] = [PrometheusMetricReader(registry=self.registry)]
        if self._settings.otlp_endpoint and not self._settings.application_insights_connection:
            readers.append(self._otlp_metrics())
        return MeterProvider(readers, resource=self._resource)

    def _add_exporters(self) -> None:
        if self._settings.application_insights_connection:
            self._add_azure_monitor()
        elif self._settings.otlp_endpoint:
            self._add_otlp_traces()
            self._add_otlp_logs()

    def _add_azure_monitor(self) -> None:
        from azure.monitor.opentelemetry import configure_azure_monitor

        configure_azure_monitor(
            connection_string=self._settings.application_insights_connection, resource=self._resource
        )
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            self._traces = provider

    def _add_otlp_traces(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(f"{self._settings.otlp_endpoint}/v1/traces", session=self._session, timeout=5)
        self._traces.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=self._settings.telemetry_interval_ms)
        )

    def _otlp_metrics(self) -> Any:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        exporter = OTLPMetricExporter(f"{self._settings.otlp_endpoint}/v1/metrics", session=self._session, timeout=5)
        return PeriodicExportingMetricReader(exporter, export_interval_millis=10_000)

    def _add_otlp_logs(self) -> None:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.instrumentation.logging.handler import LoggingHandler
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

        exporter = OTLPLogExporter(f"{self._settings.otlp_endpoint}/v1/logs", session=self._session, timeout=5)
        provider = LoggerProvider(resource=self._resource)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=2000))
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
