"""The metrics that the code emits, by the names under which Prometheus knows them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from infra.image.contents import ROOT

INSTRUMENTS = {"counter": "_total", "histogram": "", "gauge": "", "up_down_counter": ""}
UNITS = {"s": "_seconds", "ms": "_milliseconds", "By": "_bytes", "%": "_percent"}
"""UCUM unit → suffix, as opentelemetry-exporter-prometheus has them; `1` and `{annotations}` have none."""

ENVOY = frozenset(
    {
        "envoy_cluster_upstream_rq_total",
        "envoy_cluster_upstream_rq_timeout",
        "envoy_cluster_upstream_rq_rx_reset",
        "envoy_cluster_upstream_rq_retry",
        "envoy_cluster_upstream_cx_connect_fail",
        "envoy_cluster_upstream_cx_none_healthy",
        "envoy_cluster_upstream_rq_pending_overflow",
        "envoy_cluster_manager_cds_update_failure",
        "envoy_http_downstream_rq_total",
        "envoy_http_downstream_rq_xx",
        "envoy_http_downstream_rq_time_bucket",
        "envoy_http_downstream_cx_active",
    }
)
"""Of Envoy's statistics what we use; tests/integration/edge asks the Envoy that runs locally for all of them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
"""

CLUSTER = frozenset({"kube_deployment_status_replicas_ready", "kube_deployment_status_replicas"})
"""kube-state-metrics, which AKS' managed Prometheus scrapes by default."""

PROCESS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"})
"""prometheus_client's ProcessCollector (chassis/telemetry/providers.py)."""


@cache
def emitted(root: Path = ROOT) -> frozenset[str]:
    """Every series that services, edge and cluster give."""
    own = {name for folder in ("chassis", "functions", "durable") for name in _of_code(root / folder)}
    return frozenset(own) | ENVOY | CLUSTER | PROCESS


def _of_code(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in INSTRUMENTS:
                given = [value.value for value in node.args[:2] if isinstance(value, ast.Constant)]
                if len(given) == 2 and all(isinstance(value, str) for value in given):
                    yield from prometheus_names(node.func.attr, str(given[0]), str(given[1]))


def prometheus_names(instrument: str, name: str, unit: str) -> Iterator[str]:
    """The series of one instrument: a histogram has three."""
    base = re.sub(r"[^a-zA-Z0-9:_]", "_", name)
    suffix = UNITS.get(unit, "")
    base += "" if base.endswith(suffix) else suffix
    if instrument == "histogram":
        yield from (f"{base}_bucket", f"{base}_sum", f"{base}_count")
    else:
        yield base + INSTRUMENTS[instrument]
