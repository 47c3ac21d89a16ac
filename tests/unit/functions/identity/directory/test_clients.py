from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from chassis.context import Principal
from functions.identity.client_secrets import ClientSecrets
from functions.identity.directory.clients import ClientRegistry
from functions.identity.directory.documents import Documents
from functions.identity.directory.models import AssignmentOrder, ClientChange, ClientOrder, RegisteredClient
from functions.identity.directory.roles import Roles
from functions.identity.errors import CannotGrant
from functions.identity.repository import Clients, Tenants
from tests.unit.functions.identity.parts import FakeTable, no_roles, tenants

ALL = frozenset({"metadata.read", "metadata.write", "audit.read", "identity.read", "identity.write"})
ADMIN = Principal("admin", "acme", ALL)
CLERK = Principal("clerk", "acme", frozenset({"identity.read", "identity.write", "audit.read"}))
BACK, EVIL = "https://app.example/cb", "https://evil.example/cb"


def registry(roles: Roles | None = None, known: Tenants = tenants) -> ClientRegistry:
    documents = Documents(FakeTable(), "client", RegisteredClient)
    return ClientRegistry(Clients(Path("none")), documents, ClientSecrets(), roles or no_roles(), known)


def key() -> dict[str, Any]:
    return dict(ECKey.generate_key("P-256").as_dict(private=False))


async def made(clients: ClientRegistry, idempotency: str | None = None, **order: Any) -> str:
    stored, _ = await clients.register(ADMIN, ClientOrder.model_validate({"name": "c", **order}), idempotency)
    return stored.id


async def holding(role: str, roles: Roles, client_id: str) -> None:
    order = {"role": role, "principal": {"type": "application", "id": client_id}}
    await roles.assign(ADMIN, AssignmentOrder.model_validate(order))


async def test_who_may_less_than_a_client_makes_it_no_new_secret() -> None:
    clients = registry()
    strong, weak = await made(clients, scopes=["metadata.write"]), await made(clients, scopes=["audit.read"])
    with pytest.raises(CannotGrant):
        await clients.rotate_secret(CLERK, strong, timedelta(), None)
    await clients.rotate_secret(CLERK, weak, timedelta(), None)
    await clients.rotate_secret(ADMIN, strong, timedelta(), None)


async def test_a_clients_roles_count_as_what_it_may() -> None:
    roles = no_roles()
    clients = registry(roles)
    client = await made(clients)
    await holding("administrator", roles, client)
    with pytest.raises(CannotGrant):
        await clients.rotate_secret(CLERK, client, timedelta(), None)


@pytest.mark.parametrize(
    ("order", "change"),
    [
        ({"authentication": "key", "jwk": key()}, {"jwk": key()}),
        (
            {"authentication": "public", "grants": ["authorization_code"], "redirectUris": [BACK]},
            {"grants": ["authorization_code"], "redirectUris": [BACK, EVIL]},
        ),
        ({}, {"federated": [{"issuer": "https://evil.example", "subject": "me", "audience": "a"}]}),
        ({}, {"jwk": key()}),
    ],
)
async def test_who_may_less_than_a_client_does_not_change_who_gets_its_tokens(
    order: dict[str, Any], change: dict[str, Any]
) -> None:
    clients = registry()
    client = await made(clients, scopes=["metadata.write"], **order)
    wanted = ClientChange.model_validate({"name": "c", "scopes": ["metadata.write"], **change})
    with pytest.raises(CannotGrant):
        await clients.change(CLERK, client, wanted, None)
    await clients.change(ADMIN, client, wanted, None)


async def test_who_may_less_than_a_client_may_still_take_from_it() -> None:
    clients = registry()
    client = await made(clients, scopes=["metadata.write", "metadata.read"])
    less = await clients.change(CLERK, client, ClientChange(name="c", scopes=frozenset({"metadata.read"})), None)
    assert less.value.client.scopes == {"metadata.read"}


async def test_the_id_of_a_client_that_is_gone_is_not_taken_for_the_roles_that_are_left() -> None:
    roles = no_roles()
    clients = registry(roles)
    client = await made(clients, "one")
    await holding("administrator", roles, client)
    await clients.delete(ADMIN, client, None)
    with pytest.raises(CannotGrant):
        await clients.register(CLERK, ClientOrder(name="c"), "one")


async def test_the_clients_of_a_tenant_that_is_gone_are_not_found() -> None:
    known = {"acme"}
    clients = registry(known=lambda: frozenset(known))
    client = await made(clients)
    assert await clients.find(client) is not None
    known.clear()
    assert await clients.find(client) is None
