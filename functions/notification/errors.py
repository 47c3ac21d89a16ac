"""Typed errors of the notification service."""

from typing import ClassVar

from chassis.errors import Forbidden, InvalidInput, NotFound, PlatformError, Unprocessable


class MessageNotFound(NotFound):
    """No message has this id in the caller's tenant."""

    code, title = "notification.message-not-found", "There is no such message"


class WebhookNotFound(NotFound):
    """No webhook has this id in the caller's tenant."""

    code, title = "notification.webhook-not-found", "There is no such webhook"


class BadWebhookUrl(InvalidInput):
    """The URL can't be a webhook's."""

    code, title = "notification.bad-webhook-url", "The URL can't be used for a webhook"


class NotYourConnection(Forbidden):
    """The connection was asked for in another user's name."""

    code, title = "notification.not-your-connection", "A connection is given only to the token's own subject"


class NoConnectionInfo(PlatformError):
    """The host gave no connection info: SignalR is not set up."""

    code, status, retryable = "notification.no-connection-info", 503, True
    title = "Push is not available"


class DeliveryError(PlatformError):
    """A try failed in a way that may pass; `retry_after_s` is what the receiver asked for."""

    code, status, retryable = "notification.delivery-failed", 502, True
    title = "The delivery failed"

    def __init__(self, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Undeliverable(Unprocessable):
    """The receiver refuses for good; no retry can help."""

    code: ClassVar[str] = "notification.undeliverable"
    title: ClassVar[str] = "The message can't be delivered"
