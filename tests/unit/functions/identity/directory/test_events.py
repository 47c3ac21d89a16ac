"""Every change of who may do what is an event of the tenant, stored together with the change."""

import json
from datetime import timedelta
from pathlib import Path

from chassis.context import CallContext, Principal, calling
from chassis.manifest import read_manifests
from chassis.settings import ROOT
from functions.identity.client_secrets import ClientSecrets
from functions.identity.directory.administrators import Administrators
from functions.identity.directory.clients import ClientRegistry
from functions.identity.directory.documents import Documents
from functions.identity.directory.models import (
    AssignedTo,
    Assignment,
    AssignmentOrder,
    ClientChange,
    ClientOrder,
    RegisteredClient,
    Role,
    RoleChange,
)
from functions.identity.directory.roles import Roles
from functions.identity.repository import Clients
from tests.unit.functions.identity.parts import FakeTable, tenants

READ = frozenset({"audit.read", "identity.read", "identity.write"})
ADMIN = Principal("admin", "acme", READ)
OPERATOR = Principal("operator", "platform", frozenset({"identity.tenants"}))
ADA = AssignedTo(type="user", id="ada")


class Directory:
    """Roles, clients and administrators over one table."""

    def __init__(self) -> None:
        self.table = FakeTable()
        self.roles = Roles(Documents(self.table, "role", Role), Documents(self.table, "assignment", Assignment), READ)
        documents = Documents(self.table, "client", RegisteredClient)
        self.clients = ClientRegistry(Clients(Path("none")), documents, ClientSecrets(), self.roles, tenants)
        self.administrators = Administrators(self.roles, tenants)

    def told(self) -> list[str]:
        """The types of the events since the last look; each is of the tenant that changed."""
        assert {tenant for tenant, _ in self.table.events} <= {"acme"}
        types = [event.type for _, event in self.table.events]
        self.table.events.clear()
        return types


async def changes_of_roles(directory: Directory) -> list[str]:
    roles = directory.roles
    await roles.put(ADMIN, "auditor", RoleChange(scopes=frozenset({"audit.read"})), None)
    await roles.put(ADMIN, "auditor", RoleChange(scopes=READ), None)
    changed = directory.told()
    assert changed == ["identity.role.changed"] * 2
    assigned, _ = await roles.assign(ADMIN, AssignmentOrder(role="auditor", principal=ADA))
    await roles.assign(ADMIN, AssignmentOrder(role="auditor", principal=ADA))
    await roles.unassign(ADMIN, assigned.id, None)
    await roles.delete(ADMIN, "auditor", None)
    others = directory.told()
    assert others == [f"identity.role.{verb}" for verb in ("assigned", "unassigned", "deleted")]
    await directory.administrators.appoint(OPERATOR, "acme", ADA)
    await directory.administrators.dismiss(OPERATOR, "acme", ADA)
    assert directory.told() == ["identity.role.assigned", "identity.role.unassigned"]
    return changed + others


async def changes_of_clients(directory: Directory) -> list[str]:
    clients = directory.clients
    stored, first = await clients.register(ADMIN, ClientOrder(name="c", scopes=frozenset({"audit.read"})), "key")
    await clients.register(ADMIN, ClientOrder(name="c", scopes=frozenset({"audit.read"})), "key")
    await clients.change(ADMIN, stored.id, ClientChange(name="d"), None)
    second, _ = await clients.rotate_secret(ADMIN, stored.id, timedelta(hours=1), None)
    for enabled in (False, False, True, True):
        await clients.enable(ADMIN, stored.id, enabled)
    await clients.delete(ADMIN, stored.id, None)
    data = json.dumps([event.data for _, event in directory.table.events])
    assert str(first) not in data
    assert second not in data
    assert "argon2" not in data
    return directory.told()


async def test_every_change_is_one_event_and_what_changes_nothing_is_none() -> None:
    directory = Directory()
    with calling(CallContext(ADMIN)):
        of_roles = await changes_of_roles(directory)
        of_clients = await changes_of_clients(directory)
    verbs = ("registered", "changed", "secret-rotated", "disabled", "enabled", "deleted")
    assert of_clients == [f"identity.client.{verb}" for verb in verbs]
    emits = read_manifests(ROOT / "functions")["identity"].emits
    promised = {type for type in emits if type.startswith(("identity.role.", "identity.client."))}
    assert promised == {*of_roles, *of_clients}
