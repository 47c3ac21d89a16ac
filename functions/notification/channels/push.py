"""Push over SignalR: what the output binding of the SignalR extension takes."""

from datetime import UTC, datetime, timedelta

import orjson

from chassis.push import Push
from functions.notification.channels.message import Outgoing

HUB = "platform"
TARGET = "notification"
TENANT_END = ":"
PROGRESS_IS_NEWS_FOR = timedelta(seconds=60)


def push_of(outgoing: Outgoing) -> Push:
    """The push that shows a message to a user."""
    shown = {
        "id": outgoing.message_id,
        "subject": outgoing.subject,
        "body": outgoing.body,
        "data": outgoing.data,
    }
    return Push(user_id=outgoing.target, target=TARGET, arguments=(shown,))


def binding_value(tenant: str, push: Push) -> str:
    """The JSON of one SignalR message to one user of the tenant (Azure Functions SignalR output binding)."""
    addressed = push.model_copy(update={"user_id": hub_user(tenant, push.user_id)})
    return orjson.dumps(addressed.model_dump(mode="json", by_alias=True)).decode()


def hub_user(tenant: str, subject: str) -> str:
    """The hub's name of a tenant's user, `<tenant>:<subject>`; no two tenants share one.

    Raises ValueError for a tenant with a colon: where it ends could not be told.
    """
    if not tenant or TENANT_END in tenant:
        raise ValueError("the hub knows no users of this tenant")
    return f"{tenant}{TENANT_END}{subject}"


def is_stale(push: Push, sent_at: datetime | None, now: datetime) -> bool:
    """Whether it is progress that nobody needs any more, because the service was away meanwhile."""
    if push.target != "progress" or sent_at is None:
        return False
    return now - sent_at.astimezone(UTC) > PROGRESS_IS_NEWS_FOR
