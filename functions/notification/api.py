"""The HTTP API of the notification service."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.created import created
from chassis.http.headers import CACHE_CONTROL, LOCATION
from chassis.http.idempotency import IdempotencyKey
from chassis.http.openapi import also, sends
from chassis.runtime import Runtime
from functions.notification import service, webhooks
from functions.notification.connection import check_own_connection, offered
from functions.notification.schemas import (
    ConnectionInfo,
    Identifier,
    MessageAccepted,
    MessageView,
    SendMessage,
    WebhookRequest,
    WebhookView,
)

router = APIRouter(prefix="/notification", tags=["notification"])
Id = Annotated[Identifier, Path(alias="id")]


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


@router.post("/messages", status_code=202, openapi_extra=sends(LOCATION, 202))
async def send_message(
    body: SendMessage,
    request: Request,
    response: Response,
    key: IdempotencyKey = None,
    caller: Principal = requires("notification.send"),
) -> MessageAccepted:
    """Send a message over one or more channels."""
    accepted = await service.accept(_runtime(request), caller, body, key)
    response.headers["Location"] = f"/notification/messages/{accepted.id}"
    return accepted


@router.get("/messages/{id}")
async def show_message(id: Id, request: Request, caller: Principal = requires("notification.read")) -> MessageView:
    """A message and how far each delivery is."""
    return await service.show(_runtime(request), caller, id)


@router.put(
    "/webhooks/{id}",
    response_model_exclude_none=True,
    responses=also(201, WebhookView, LOCATION),
    openapi_extra=sends(CACHE_CONTROL, 200, 201),
)
async def put_webhook(
    id: Id,
    body: WebhookRequest,
    request: Request,
    response: Response,
    caller: Principal = requires("notification.write"),
) -> WebhookView:
    """Register a webhook (201, with its secret) or change its URL (200, without)."""
    webhook = await webhooks.put(_runtime(request), caller, id, body)
    if webhook.secret:
        created(response, f"/notification/webhooks/{id}")
    response.headers["Cache-Control"] = "no-store"
    return webhook


@router.get("/webhooks/{id}", response_model_exclude_none=True)
async def show_webhook(id: Id, request: Request, caller: Principal = requires("notification.read")) -> WebhookView:
    """A registered webhook, without its secret."""
    return await webhooks.show(_runtime(request), caller, id)


@router.delete("/webhooks/{id}", status_code=204)
async def remove_webhook(id: Id, request: Request, caller: Principal = requires("notification.write")) -> None:
    """Forget a webhook and its secret."""
    await webhooks.remove(_runtime(request), caller, id)


@router.post("/negotiate", openapi_extra=sends(CACHE_CONTROL, 200))
async def negotiate_connection(
    response: Response,
    tenant: Annotated[str | None, Header(alias="x-platform-tenant")] = None,
    user: Annotated[str | None, Header(alias="x-platform-user")] = None,
    caller: Principal = requires("notification.read"),
) -> ConnectionInfo:
    """Where the caller connects for push, with a token for the hub.

    The host made it for the tenant and user that the edge named; it is given away only when the token names the same.
    """
    check_own_connection(caller, tenant, user)
    response.headers["Cache-Control"] = "no-store"
    return offered()
