"""What the API does with webhooks: register, show and remove them."""

from chassis.context import Principal
from chassis.errors import Conflict
from chassis.messaging.events import Event
from chassis.runtime import Runtime
from chassis.storage.rows import RowChanged, RowExists
from functions.notification.channels.addresses import check_url
from functions.notification.channels.webhook import new_secret
from functions.notification.errors import WebhookNotFound
from functions.notification.repository import StoredWebhook, Webhooks
from functions.notification.schemas import WebhookRequest, WebhookView


async def put(runtime: Runtime, caller: Principal, id: str, request: WebhookRequest) -> WebhookView:
    """Register a webhook, with a new secret in the answer, or change the URL of one, without.

    A secret that got lost can't be shown again: remove the webhook and register it anew.
    Raises BadWebhookUrl, or Conflict when another request did the same at the same time.
    """
    check_url(request.url, runtime.settings.webhook_allow_private)
    webhooks = Webhooks(runtime)
    known = await webhooks.get(caller.tenant, id)
    event = Event("notification.webhook.registered", id, {"id": id})
    try:
        if known is None:
            secret = new_secret()
            await webhooks.add(caller.tenant, StoredWebhook(id, request.url, secret), event)
            return WebhookView(id=id, url=request.url, secret=secret)
        if known.url != request.url:
            await webhooks.replace(caller.tenant, StoredWebhook(id, request.url, known.secret, known.etag), event)
    except (RowExists, RowChanged):
        raise Conflict(f"the webhook {id!r} was registered by another request at the same time") from None
    return WebhookView(id=id, url=request.url)


async def show(runtime: Runtime, caller: Principal, id: str) -> WebhookView:
    """The webhook without its secret. Raises WebhookNotFound."""
    known = await Webhooks(runtime).get(caller.tenant, id)
    if known is None:
        raise WebhookNotFound(f"there is no webhook {id!r}")
    return WebhookView(id=id, url=known.url)


async def remove(runtime: Runtime, caller: Principal, id: str) -> None:
    """Forget a webhook and its secret; may be repeated."""
    await Webhooks(runtime).delete(caller.tenant, id)
