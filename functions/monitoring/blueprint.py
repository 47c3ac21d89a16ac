"""The monitoring service's triggers."""

import logging

import azure.functions as func

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from functions.monitoring.api import router
from functions.monitoring.composition import runtime, service
from functions.monitoring.front import MetricsByCaller

log = logging.getLogger(__name__)
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
# Taking in telemetry leaves none of its own: that would be exported to here, for ever.
app = create_app(runtime, router, checks={"storage": runtime.check_storage}, untraced=("/monitoring/otlp",))
app.add_middleware(MetricsByCaller)
front = HttpFront(app)


@blueprint.function_name("monitoring_handle_http")
@blueprint.route(route="monitoring/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def monitoring_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)


@blueprint.function_name("monitoring_purge_telemetry")
@blueprint.timer_trigger(arg_name="timer", schedule="0 17 * * * *", use_monitor=False)
async def monitoring_purge_telemetry(timer: func.TimerRequest) -> None:
    """Every hour: remove what is past its retention time."""
    log.info("removed %d rows of old telemetry", await service().purge())
