"""Live progress: small messages that reach the caller's browser or terminal over SignalR."""

from typing import Any

from chassis.models import Contract

PUSH_QUEUE = "notification-push"
PUSH_TYPE = "notification.push"


class Push(Contract):
    """One message for every connection of one user: the client method `target` is called with `arguments`.

    `user_id` is a subject within the tenant of the queue message; notification adds the tenant when it addresses the
    hub (`<tenant>:<subject>`), so that no sender can name another's.
    """

    user_id: str
    target: str
    arguments: tuple[dict[str, Any], ...]


def progress(user_id: str, stage: str, id: str, done: int, total: int | None, unit: str, **extra: Any) -> Push:
    """A progress message: how many of what `unit` of `stage` are done."""
    body = {"stage": stage, "id": id, "done": done, "total": total, "unit": unit, **extra}
    return Push(user_id=user_id, target="progress", arguments=(body,))
