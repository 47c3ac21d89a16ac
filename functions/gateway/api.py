"""The gateway app's HTTP API: what is routed, the merged OpenAPI document."""

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from chassis.context import Principal
from chassis.http.app import create_app, requires
from chassis.runtime import Runtime
from functions.gateway.api_keys.api import api_keys
from functions.gateway.composition import Composition
from functions.gateway.control_api import control
from functions.gateway.docs.api import docs
from functions.gateway.limits_api import limits
from functions.gateway.schemas import EdgeRoutes

router = APIRouter(prefix="/gateway", tags=["gateway"])
UNTRACED = ("/v3/", "/gateway/otlp/")


def gateway_app(runtime: Runtime) -> FastAPI:
    """The gateway service's HTTP application, the control plane included."""
    parts = Composition(runtime)
    app = create_app(
        runtime, router, limits, api_keys, docs, control, checks={"control": parts.check_control}, untraced=UNTRACED
    )
    parts.own_document = app.openapi
    app.state.gateway = parts
    # The merged document takes the place of the app's own at the same path.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "name", "") != "openapi"]
    return app


@router.get("/routes")
async def list_routes(request: Request, caller: Principal = requires("gateway.read")) -> EdgeRoutes:
    """Every route of the edge in the order in which it is tried, with its scope and limits."""
    parts: Composition = request.app.state.gateway
    return parts.gateway.routes()


@router.get("/openapi.json")
async def merged_document(request: Request) -> JSONResponse:
    """The OpenAPI document of the whole platform; services that can't be reached are in `x-unavailable`."""
    parts: Composition = request.app.state.gateway
    return JSONResponse(await parts.gateway.openapi())
