"""Gateway's triggers: its HTTP API, and the control plane for the Envoys."""

import azure.functions as func

from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from chassis.runtime import runtime_for
from functions.gateway.api import gateway_app
from functions.gateway.api_keys.store import TABLE as API_KEYS_TABLE

runtime = runtime_for("gateway")
app = gateway_app(runtime)
front = HttpFront(app)
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("gateway_handle_http")
@blueprint.route(route="gateway/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def gateway_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every request below /gateway."""
    return await front.handle(req, context)


@blueprint.function_name("gateway_serve_discovery")
@blueprint.route(route="v3/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def gateway_serve_discovery(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """What Envoy asks: discovery requests (xDS over REST), and tokens for API keys."""
    return await front.handle(req, context)


@blueprint.function_name("gateway_show_docs")
@blueprint.route(route="docs/{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def gateway_show_docs(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The API's documentation, a page for people."""
    return await front.handle(req, context)


add_outbox_relay(blueprint, runtime, API_KEYS_TABLE)
