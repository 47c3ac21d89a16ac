"""The metadata service's triggers."""

import azure.functions as func

from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from functions.metadata import api, configuration_api, reference_data_api
from functions.metadata.composition import TABLES, runtime

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
app = create_app(
    runtime,
    api.router,
    reference_data_api.router,
    configuration_api.router,
    checks={"storage": runtime.check_storage},
)
front = HttpFront(app)


@blueprint.function_name("metadata_handle_http")
@blueprint.route(route="metadata/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def metadata_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)


add_outbox_relay(blueprint, runtime, *TABLES)
