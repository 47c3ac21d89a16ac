"""Telemetry of one service: traces, metrics and logs, to OTLP or to Azure Monitor, and metrics for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, Tracer
from prometheus_client import CollectorRegistry, ProcessCollector

from chassis.auth.service_token import BearerAuth, ServiceToken
from chassis.settings import Settings
from chassis.telemetry.exporters import OtlpTarget, Signals, to_azure_monitor, to_otlp


class Telemetry:
    """Made once per service. Without an endpoint, spans are made (so that ids flow) and go nowhere."""

    def __init__(self, service: str, version: str, settings: Settings, token: ServiceToken) -> None:
        self._settings = settings
        self._resource = Resource.create({"service.name": service, "service.version": version})
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._session = requests.Session()
        self._session.auth = BearerAuth(token)
        signals = self._signals(PrometheusMetricReader(registry=self.registry))
        self._sent = signals
        self.tracer: Tracer = signals.traces.get_tracer("platform")
        self._meter = signals.meters.get_meter("platform")
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

    def gauge(self, name: str, unit: str, description: str) -> Gauge:
        """A gauge: the last value set counts."""
        return self._meter.create_gauge(name, unit, description)

    def histogram(self, name: str, unit: str, description: str) -> Histogram:
        """A histogram; durations are in seconds."""
        return self._meter.create_histogram(name, unit, description)

    def flush(self) -> None:
        """Send what is waiting, at most for two seconds."""
        self._sent.flush(2000)

    def _signals(self, reader: MetricReader) -> Signals:
        settings = self._settings
        if settings.application_insights_connection:
            return to_azure_monitor(settings.application_insights_connection, self._resource, reader)
        if settings.otlp_endpoint:
            target = OtlpTarget(settings.otlp_endpoint, self._session, settings.telemetry_interval_ms)
            return to_otlp(target, self._resource, reader)
        return Signals(TracerProvider(resource=self._resource), MeterProvider([reader], resource=self._resource))
