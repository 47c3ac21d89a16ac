"""Telemetry with and without somewhere to send it to."""

import subprocess
import sys
from pathlib import Path

from chassis.auth.service_token import ServiceToken
from chassis.settings import ROOT, Settings
from chassis.telemetry.providers import Telemetry

AZURE = """
from pathlib import Path
from chassis.auth.service_token import ServiceToken
from chassis.settings import Settings
from chassis.telemetry.providers import Telemetry

key = "00000000-0000-0000-0000-000000000001"
connection = f"InstrumentationKey={key};IngestionEndpoint=http://127.0.0.1:9/;LiveEndpoint=http://127.0.0.1:9/"
settings = Settings(application_insights_connection=connection, otlp_endpoint="http://127.0.0.1:9")
token = ServiceToken("audit", Path("none"), "http://127.0.0.1:9", "issuer")
telemetry = Telemetry("audit", "1.2.3", settings, token)
with telemetry.span("work") as span:
    print(span.is_recording(), span.resource.attributes["service.name"])
    processors = telemetry._sent.traces._active_span_processor._span_processors
    telemetry.counter("things.done", "1", "Things done").add(1)
    print(any(metric.name.startswith("things_done") for metric in telemetry.registry.collect()))
    print([type(processor.span_exporter).__name__ for processor in processors if hasattr(processor, "span_exporter")])
import os, sys
sys.stdout.flush()
os._exit(0)
"""


def quiet() -> Telemetry:
    token = ServiceToken("audit", Path("none"), "http://127.0.0.1:9", "issuer")
    return Telemetry("audit", "1.2.3", Settings(otlp_endpoint=None), token)


def test_without_an_endpoint_spans_still_carry_ids() -> None:
    with quiet().span("work", platform_tenant="acme", nothing=None) as span:
        assert span.get_span_context().is_valid
        assert dict(span.attributes or {}) == {"platform.tenant": "acme"}  # type: ignore[attr-defined]


def test_two_services_in_one_process_keep_their_metrics_apart() -> None:
    one, other = quiet(), quiet()
    one.counter("things.done", "1", "Things done").add(3)
    assert any(metric.name.startswith("things_done") for metric in one.registry.collect())
    assert not any(metric.name.startswith("things_done") for metric in other.registry.collect())


def test_with_application_insights_spans_go_to_azure_monitor_and_not_to_otlp() -> None:
    done = subprocess.run([sys.executable, "-c", AZURE], cwd=ROOT, capture_output=True, text=True, timeout=60)
    recording, counted, exporters = done.stdout.strip().splitlines()[-3:]
    assert recording == "True audit", done.stderr
    assert counted == "True"
    assert "AzureMonitorTraceExporter" in exporters
    assert "OTLPSpanExporter" not in exporters
