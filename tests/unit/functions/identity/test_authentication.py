import base64

import pytest

from functions.identity.assertions import ASSERTION_TYPE
from functions.identity.authentication import ClientAuthentication
from functions.identity.client_secrets import ClientSecrets
from functions.identity.errors import InvalidClient, OAuthError
from functions.identity.lockout import Lockout
from tests.unit.functions.identity.parts import ISSUER, NOW, SECRET, application, assertion, finder, service_client


@pytest.fixture
def authentication() -> ClientAuthentication:
    return ClientAuthentication(finder(application(), service_client()), ClientSecrets(), {ISSUER}, lambda: NOW)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


async def test_each_of_the_three_methods_proves_a_client(authentication: ClientAuthentication) -> None:
    by_header = await authentication.authenticate({}, basic("demo", "open+sesame"))
    by_body = await authentication.authenticate({"client_id": "demo", "client_secret": SECRET}, None)
    by_key = await authentication.authenticate(
        {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion()}, None
    )
    assert [found.client.client_id for found in (by_header, by_body, by_key)] == ["demo", "demo", "svc-workflow"]
    assert (by_header.assertion, by_body.assertion) == (None, None)
    assert by_key.assertion is not None


@pytest.mark.parametrize(
    ("form", "header"),
    [
        ({}, None),
        ({"client_id": "demo"}, None),
        ({}, basic("demo", "wrong")),
        ({}, basic("nobody", "open+sesame")),
        ({"client_id": "other"}, basic("demo", "open+sesame")),
        ({"client_secret": SECRET}, None),
        ({"client_id": "svc-workflow", "client_secret": SECRET}, None),
    ],
)
async def test_wrong_or_missing_credentials_are_refused_alike(
    authentication: ClientAuthentication, form: dict[str, str], header: str | None
) -> None:
    with pytest.raises(InvalidClient, match=r"^Client authentication failed$"):
        await authentication.authenticate(form, header)


async def test_two_methods_at_once_are_refused(authentication: ClientAuthentication) -> None:
    with pytest.raises(OAuthError, match="one client authentication method"):
        await authentication.authenticate({"client_secret": SECRET}, basic("demo", "open+sesame"))


async def test_an_assertion_of_another_type_or_client_is_refused(authentication: ClientAuthentication) -> None:
    with pytest.raises(OAuthError, match="client_assertion_type"):
        await authentication.authenticate({"client_assertion": assertion(), "client_assertion_type": "saml"}, None)
    form = {"client_assertion": assertion(), "client_assertion_type": ASSERTION_TYPE, "client_id": "demo"}
    with pytest.raises(InvalidClient):
        await authentication.authenticate(form, None)


@pytest.mark.parametrize("client_id", ["a" * 129, "demo\n", "demo ", "\0", "acme.\ud800", "démo", "a/b.c", "'"])
async def test_an_id_that_no_client_can_have_is_neither_looked_for_nor_counted(client_id: str) -> None:
    async def find(_: str) -> None:
        raise AssertionError("looked for")

    lockout = Lockout()
    authentication = ClientAuthentication(find, ClientSecrets(), {ISSUER}, lambda: NOW, lockout=lockout)
    for _ in range(10):
        with pytest.raises(InvalidClient, match=r"^Client authentication failed$"):
            await authentication.authenticate({"client_id": client_id, "client_secret": "x"}, None, "192.0.2.1")
    lockout.check("demo", "192.0.2.1")
