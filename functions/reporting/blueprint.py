"""The triggers of the reporting service."""

import azure.functions as func

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from chassis.messaging.triggers import QueueDelivery, on_queue
from chassis.runtime import runtime_for
from functions.reporting.api import router
from functions.reporting.production import produce
from functions.reporting.repository import TABLE
from functions.reporting.schemas import RenderReport
from functions.reporting.service import QUEUE

runtime = runtime_for("reporting")
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
front = HttpFront(
    create_app(
        runtime,
        router,
        checks={
            "tables": lambda: runtime.tables.check(),
            "blobs": lambda: runtime.blobs.check(),
            "queues": lambda: runtime.queues.check(),
        },
    )
)
add_outbox_relay(blueprint, runtime, TABLE)


@blueprint.function_name("reporting_handle_http")
@blueprint.route(route="reporting/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def reporting_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)


@blueprint.function_name("reporting_render_report")
@on_queue(blueprint, QUEUE)
async def reporting_render_report(msg: QueueDelivery) -> None:
    """Make one report."""
    async with runtime.consume(msg, RenderReport) as message:
        await produce(runtime, message)
