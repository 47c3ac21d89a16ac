"""Where a webhook may go: not into our own network, however its address is written (SSRF)."""

from yarl import URL

from chassis.outgoing.addresses import Guard, UnsafeUrl
from functions.notification.errors import BadWebhookUrl


def check_url(url: str, allow_private: bool) -> URL:
    """The URL of a webhook: https (http too where private addresses are allowed), without user name or fragment.

    Raises BadWebhookUrl. A host name is not resolved here but at each delivery, by GuardedResolver.
    """
    schemes = frozenset({"https", "http"} if allow_private else {"https"})
    try:
        return Guard(allow_private).check_url(url, schemes)
    except UnsafeUrl as error:
        raise BadWebhookUrl(str(error)) from None
