"""What the documents say of roles and clients is what is taken."""

from typing import Any

import pytest
from joserfc.jwk import ECKey
from pydantic import ValidationError

from functions.identity.directory.models import ClientChange, ClientOrder, RoleChange

TWICE = ["metadata.read", "metadata.read"]


def test_a_scope_named_twice_is_one_and_the_document_does_not_forbid_it() -> None:
    assert RoleChange.model_validate({"scopes": TWICE}).scopes == {"metadata.read"}
    assert ClientChange.model_validate({"name": "n", "scopes": TWICE}).scopes == {"metadata.read"}
    for model in (RoleChange, ClientChange):
        assert model.model_json_schema()["properties"]["scopes"]["uniqueItems"] is False


def returning_to(uri: str) -> ClientChange:
    return ClientChange.model_validate({"name": "n", "grants": ["authorization_code"], "redirectUris": [uri]})


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example",
        "https://app.example/cb?a=b%20c",
        "https://app.example:8443/",
        "https://[2001:db8::1]/cb",
        "http://127.0.0.1:4000/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
    ],
)
def test_a_redirect_uri_is_kept_letter_by_letter(uri: str) -> None:
    assert returning_to(uri).redirect_uris == (uri,)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://app.example/cb",
        "HTTPS://app.example/cb",
        "https:///cb",
        "https:app.example",
        "https://*.example/cb",
        "https://app.example/*",
        "https://app.example/cb#",
        "https://app.example/cb#f",
        "https://user@app.example/cb",
        "https://@app.example/cb",
        "https://:pw@app.example/cb",
        "https://app.example\\@evil.example/cb",
        "https://app.example/cb\n",
        "https://app.example/cb\t",
        "https://app.example /cb",
        "https://app.example;script-src *",
        'https://app.example/c"b',
        "https://app.example/cé",
        "https://app.exämple/cb",
        "https://app.example:99999/cb",
        "https://app.example:0/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://[::1/cb",
        "javascript:alert(1)//https://app.example",
    ],
)
def test_a_redirect_uri_that_could_be_read_in_two_ways_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError):
        returning_to(uri)


def test_a_client_that_fits_in_no_row_is_refused() -> None:
    def federated(number: int) -> dict[str, Any]:
        one = {"issuer": "https://" + "i" * 500, "subject": "\N{GRINNING FACE}" * 500, "audience": "a" * 500}
        return {"name": "n", "federated": [one] * number}

    assert ClientChange.model_validate(federated(10))
    with pytest.raises(ValidationError, match="too much"):
        ClientChange.model_validate(federated(20))
    with pytest.raises(ValidationError, match="too much"):
        with_key(padding="x" * 50_000)


def with_key(**members: Any) -> ClientOrder:
    public = dict(ECKey.generate_key("P-256").as_dict(private=False))
    jwk = {name: value for name, value in {**public, **members}.items() if value is not None}
    return ClientOrder.model_validate({"name": "n", "authentication": "key", "jwk": jwk})


def test_a_key_by_which_assertions_can_be_checked_is_taken() -> None:
    for members in ({}, {"kid": "k", "alg": "ES256", "use": "sig"}, {"key_ops": ["verify"]}):
        assert with_key(**members).jwk


@pytest.mark.parametrize(
    "members", [{"x": None}, {"x": "AA", "y": "AA"}, {"x": 7}, {"crv": "P-9"}, {"use": "enc"}, {"key_ops": ["sign"]}]
)
def test_a_key_that_could_never_be_used_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        with_key(**members)
