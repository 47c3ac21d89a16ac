"""A service as all of ours are made, with one route that needs a token and does nothing."""

import azure.functions as func
from fastapi import APIRouter

from chassis.context import Principal
from chassis.http.app import create_app, requires
from chassis.http.trigger import METHODS, HttpFront
from chassis.runtime import Runtime

router = APIRouter(prefix="/metadata")


@router.get("/bench")
async def answer(caller: Principal = requires("metadata.read")) -> dict[str, str]:
    """Who called."""
    return {"subject": caller.subject}


front = HttpFront(create_app(Runtime("metadata"), router))
app = func.FunctionApp()


@app.function_name("metadata_handle_http")
@app.route(route="metadata/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def metadata_handle_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The HTTP API."""
    return await front.handle(req, context)
