import base64
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.identity.errors import InvalidClient, OAuthError
from functions.identity.forms import FORM, MAX_FORM_BYTES, caller_address, read_basic, read_form


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=20), max_size=20))
def test_a_form_is_read_as_it_was_written(form: dict[str, str]) -> None:
    assert read_form(FORM, urlencode(form).encode()) == form


def test_the_media_type_may_have_parameters_and_any_case() -> None:
    assert read_form("Application/X-WWW-Form-Urlencoded; charset=utf-8", b"a=b") == {"a": "b"}


def test_a_parameter_without_a_value_counts_as_left_out() -> None:
    assert read_form(FORM, b"grant_type=x&scope=") == {"grant_type": "x"}


@pytest.mark.parametrize("content_type", [None, "", "application/json", "multipart/form-data"])
def test_another_media_type_is_refused(content_type: str | None) -> None:
    with pytest.raises(OAuthError, match="body must be"):
        read_form(content_type, b"a=b")


@pytest.mark.parametrize(
    "body",
    [b"a=1&a=2", b"scope=&scope=x", b"a=%ff", "a=\u00e4".encode(), b"a=" + b"b" * MAX_FORM_BYTES, b"a=1&" * 30],
)
def test_a_doubled_unreadable_or_oversized_form_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError):
        read_form(FORM, body)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_basic_credentials_are_read_as_they_were_written(client_id: str, secret: str) -> None:
    assert read_basic(basic(f"{quote_plus(client_id)}:{quote_plus(secret)}")) == (client_id, secret)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_stands_in_an_authorization_header_is_read_or_refused(text: str) -> None:
    try:
        client_id, secret = read_basic(text)
    except InvalidClient:
        return
    assert client_id
    assert secret


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !", "Bearer abc", basic("demo"), basic(":secret"), basic("demo:"), basic("a:%ff")]
)
def test_malformed_basic_credentials_are_refused(header: str) -> None:
    with pytest.raises(InvalidClient):
        read_basic(header)


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, 198.51.100.9, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7,", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("x" * 10_000, "x" * 64),
    ],
)
def test_a_site_is_one_address_and_only_the_edges_entry_counts(told: str, address: str) -> None:
    assert caller_address({"x-forwarded-for": told}) == address
