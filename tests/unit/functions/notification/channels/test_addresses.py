"""Where a webhook may go."""

import pytest

from functions.notification.channels.addresses import check_url
from functions.notification.errors import BadWebhookUrl


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:pass@example.org/",
        "https://example.org/#part",
        "https:///path",
        "https://",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://storage.internal/",
        "https://exa mple.org/",
        "https://example.org/\r\nx",
        "https://example.org:99999/",
        "nonsense",
    ],
)
def test_a_url_that_leads_inside_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadWebhookUrl):
        check_url(url, allow_private=False)


def test_a_public_https_url_is_taken_as_it_is() -> None:
    assert str(check_url("https://example.org:8443/hook?token=a%2Fb", allow_private=False)) == (
        "https://example.org:8443/hook?token=a%2Fb"
    )


def test_a_private_http_url_is_taken_only_where_that_is_allowed() -> None:
    assert check_url("http://127.0.0.1:9000/hook", allow_private=True).port == 9000
