"""What is asked of a token endpoint."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import ValidationError

from durable.workflow.calls.tokens import EXCHANGE, TokenPolicy, check_issuer, token_request
from durable.workflow.faults import Fault

SECRET = "a-client-secret-that-is-long-enough-for-hs256"


def policy(**members: Any) -> TokenPolicy:
    return TokenPolicy.model_validate({"authority": "https://a.example", **members})


def client(method: str, **members: Any) -> dict[str, Any]:
    return {"id": "c:d", "secret": SECRET, "authentication": method, **members}


def test_scopes_are_one_field_and_audiences_one_each() -> None:
    fields, _ = token_request(policy(scopes=["a", "b"], audiences=["x", "y"]), "https://a.example/t")
    assert fields == {"grant_type": ["client_credentials"], "scope": ["a b"], "audience": ["x", "y"]}


def test_the_client_proves_itself_as_it_is_told() -> None:
    fields, headers = token_request(policy(client=client("client_secret_post")), "e")
    assert (fields["client_id"], fields["client_secret"], headers) == (["c:d"], [SECRET], {})
    fields, headers = token_request(policy(client=client("client_secret_basic")), "e")
    assert "client_secret" not in fields
    assert headers["authorization"].startswith("Basic YyUzQWQ6")  # c%3Ad: as RFC 6749 section 2.3.1 has it
    fields, _ = token_request(policy(client=client("client_secret_jwt")), "https://a.example/t")
    claims = jwt.decode(fields["client_assertion"][0], OctKey.import_key(SECRET)).claims
    assert (claims["iss"], claims["aud"]) == ("c:d", "https://a.example/t")
    fields, _ = token_request(policy(client=client("private_key_jwt", assertion="j.w.t")), "e")
    assert fields["client_assertion"] == ["j.w.t"]
    fields, _ = token_request(policy(client={"id": "c", "authentication": "none"}), "e")
    assert fields == {"grant_type": ["client_credentials"], "client_id": ["c"]}


def test_a_token_is_exchanged_for_its_subject() -> None:
    tokens = {"subject": {"token": "s", "type": "urn:s"}, "actor": {"token": "a", "type": "urn:a"}}
    fields, _ = token_request(policy(grant=EXCHANGE, **tokens), "e")
    assert (fields["subject_token"], fields["actor_token_type"]) == (["s"], ["urn:a"])


@pytest.mark.parametrize(
    "members",
    [
        {"grant": "password", "username": "u"},
        {"grant": EXCHANGE},
        {"grant": "authorization_code"},
        {"client": {"secret": "s"}},
        {"client": {"id": "c"}},
        {"client": client("private_key_jwt")},
    ],
)
def test_a_policy_that_lacks_something_is_refused_without_its_secrets(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        policy(**members)
    assert SECRET not in str(refused.value)


def token(issuer: str) -> str:
    return "h." + urlsafe_b64encode(json.dumps({"iss": issuer}).encode()).decode().rstrip("=") + ".s"


def test_a_token_of_another_issuer_is_refused_where_issuers_are_named() -> None:
    check_issuer("opaque", ())
    check_issuer(token("https://a"), ("https://a",))
    for wrong in (token("https://b"), "opaque", "a.b", "a.!.c"):
        with pytest.raises(Fault) as fault:
            check_issuer(wrong, ("https://a",))
        assert fault.value.error.type.endswith("/authentication")
