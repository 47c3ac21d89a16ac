"""Tokens of the SignalR stand-in."""

import pytest

from local.signalr.access import Access, AccessDeniedError, same_resource

ACCESS = Access("k" * 48)
URL = "http://127.0.0.1:8888/api/v1/hubs/platform/users/u%201"


def test_a_token_for_the_url_is_good_and_names_its_user() -> None:
    assert ACCESS.check(ACCESS.sign(URL, user_id="ada"), URL) == "ada"


def test_a_token_without_user_is_good_for_a_server() -> None:
    assert ACCESS.check(ACCESS.sign(URL), URL) is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "needed"),
        ("", "needed"),
        ("not.a.token", "signed"),
        (Access("x" * 48).sign(URL), "signed"),
        (ACCESS.sign(URL, valid_s=-60), "expired"),
        (ACCESS.sign("http://127.0.0.1:8888/api/v1/hubs/platform/users/other"), "another URL"),
    ],
)
def test_a_bad_token_is_refused_with_its_reason(token: str | None, reason: str) -> None:
    with pytest.raises(AccessDeniedError, match=reason):
        ACCESS.check(token, URL)


@pytest.mark.parametrize(
    ("audience", "url", "same"),
    [
        ("http://h/client/?hub=a", "http://h:8888/client/?hub=a&id=1", True),
        ("http://h/client/?hub=a", "http://h:8888/client/?hub=b", False),
        ("http://h/api/v1/hubs/a/", "http://h/api/v1/hubs/a?excluded=1", True),
        ("http://h/api/v1/hubs/a", "http://h/api/v1/hubs/a/users/u", False),
        ("http://other/api/v1/hubs/a", "http://h/api/v1/hubs/a", False),
        ("http://h/api/hubs/a/%3Asend", "http://h/api/hubs/a/:send", True),
        (7, "http://h/", False),
        ("http://[", "http://h/", False),
    ],
)
def test_an_audience_is_compared_by_host_path_and_hub(audience: object, url: str, same: bool) -> None:
    assert same_resource(audience, url) is same
