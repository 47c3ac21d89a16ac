"""A tenant of which only the Entra tenant id is configured: the operator appoints its first administrator."""

from uuid import uuid4

import pytest

from tests.integration.identity.conftest import Running
from tests.integration.identity.issuers import RIVAL_TID

ADMINISTRATORS = "/identity/tenants/rival/administrators"


def test_the_first_administrator_of_an_entra_tenant_is_appointed_and_goes_on_alone(running: Running) -> None:
    ada, bob = uuid4().hex, uuid4().hex

    def token_of(user: str) -> str | None:
        answer = running.exchange(running.issuer.entra_token(RIVAL_TID, oid=user, sub=user), "operator")
        return str(answer.json()["access_token"]) if answer.status_code == 200 else None

    operator, path = running.token("operator", scope="identity.tenants"), f"{ADMINISTRATORS}/user/{ada}"
    assert token_of(ada) is None
    assert [running.ask("PUT", path, operator).status_code for _ in range(2)] == [201, 200]
    [listed] = [one for one in running.ask("GET", ADMINISTRATORS, operator).json()["items"] if one["createdBy"]]
    assert (listed["role"], listed["principal"]) == ("administrator", {"type": "user", "id": ada})

    hers = token_of(ada)
    order = {"role": "reader", "principal": {"type": "user", "id": bob}}
    assert running.ask("POST", "/identity/assignments", hers, json=order).status_code == 201
    assert token_of(bob) is not None
    assert running.ask("PUT", path, hers).status_code == 403

    assert running.ask("DELETE", path, operator).status_code == 204
    assert running.ask("DELETE", path, operator).status_code == 404
    assert token_of(ada) is None


@pytest.mark.parametrize("door", ["at the edge", "straight at identity"])
def test_nobody_but_an_operator_appoints(running: Running, door: str) -> None:
    base = running.edge if door == "at the edge" else running.url("identity")
    path = f"{ADMINISTRATORS}/application/demo"
    for token in (running.token(), running.token("operator", scope="identity.write identity.read"), None):
        for method, where in (("GET", ADMINISTRATORS), ("PUT", path), ("DELETE", path)):
            status = running.ask(method, where, token, base=base).status_code
            assert status == (403 if token else 401)


def test_a_tenant_that_is_not_configured_is_refused_by_name(running: Running) -> None:
    operator = running.token("operator")
    answer = running.ask("PUT", "/identity/tenants/rivel/administrators/user/ada", operator)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:problem:identity:tenant-not-found")
    for bad in ("/identity/tenants/rival/administrators/root/ada", f"{ADMINISTRATORS}/user/{'a' * 300}"):
        assert running.ask("PUT", bad, operator).status_code in {400, 404, 422}
