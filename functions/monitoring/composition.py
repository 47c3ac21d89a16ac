"""What the monitoring service is made of, opened when first used."""

from datetime import timedelta
from functools import cache

from chassis.manifest import SERVICES
from chassis.runtime import runtime_for
from functions.monitoring.health import HealthWatch
from functions.monitoring.records import LogRecord, Span
from functions.monitoring.repository import LatestMetrics, TraceRecords
from functions.monitoring.service import MonitoringService

runtime = runtime_for("monitoring")


@cache
def service() -> MonitoringService:
    """The telemetry in the process's storage account, and the services at their addresses."""
    retention = timedelta(days=runtime.settings.retention_days)
    return MonitoringService(
        TraceRecords(runtime.tables.table("spans"), Span, retention),
        TraceRecords(runtime.tables.table("logs"), LogRecord, retention),
        LatestMetrics(runtime.tables.table("metrics"), retention),
        HealthWatch({name: runtime.settings.service_url(name) for name in SERVICES}),
    )
