import json
from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from infra.checks.metrics import emitted, prometheus_names
from infra.checks.observability import DASHBOARDS, RULES, dashboard_mistakes, query_mistakes, rule_mistakes


def test_our_rules_and_dashboards_ask_for_what_is_emitted() -> None:
    assert list(rule_mistakes()) == []
    assert list(dashboard_mistakes()) == []


def test_names_are_those_of_the_exporter() -> None:
    registry = CollectorRegistry()
    meter = MeterProvider([PrometheusMetricReader(registry=registry)]).get_meter("test")
    meter.create_histogram("http.server.request.duration", "s").record(1)
    meter.create_counter("messages.sent", "{message}").add(1)
    text = generate_latest(registry).decode()
    for instrument, name, unit in (
        ("histogram", "http.server.request.duration", "s"),
        ("counter", "messages.sent", "{message}"),
    ):
        for series in prometheus_names(instrument, name, unit):
            assert f"\n{series}{{" in text


def test_what_the_code_records_is_known() -> None:
    assert "http_server_request_duration_seconds_count" in emitted()


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("rate(http_server_request_duration_seconds_count[5m]", "does not parse"),
        ("rate(http_requests_total[5m])", "http_requests_total is emitted by nobody"),
        ("histogram_quantile(0.9, sum by (le) (rate(no_bucket[5m])))", "no_bucket is emitted by nobody"),
        ("1 + 1", "asks for no metric"),
    ],
)
def test_a_wrong_query_is_found(query: str, mistake: str) -> None:
    assert any(mistake in line for line in query_mistakes(query, emitted()))


def test_an_alert_without_a_severity_is_found(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES.read_text().replace("labels: {severity: page}", "labels: {severity: loud}", 1))
    assert any("severity is one of" in line for line in rule_mistakes(path))


def test_a_panel_without_a_source_is_found(tmp_path: Path) -> None:
    board = json.loads((DASHBOARDS / "edge.json").read_text())
    board["panels"][0]["targets"][0]["expr"] = "rate(nothing_total[5m])"
    (tmp_path / "edge.json").write_text(json.dumps(board))
    assert any("nothing_total is emitted by nobody" in line for line in dashboard_mistakes(tmp_path))
