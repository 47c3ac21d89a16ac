import pytest

from chassis.context import CallContext, Principal, calling
from functions.identity.directory.models import AssignmentOrder, RoleChange
from functions.identity.directory.roles import Roles, built_in_roles
from functions.identity.errors import CannotGrant, RoleInUse, TooManyAssignments, UnknownScope
from tests.unit.functions.identity.parts import no_roles

ALL = frozenset({"metadata.read", "metadata.write", "audit.read", "identity.read", "identity.write"})
ADMIN = Principal("admin", "acme", ALL)


def order(role: str, type: str = "user", id: str = "ada") -> AssignmentOrder:
    return AssignmentOrder.model_validate({"role": role, "principal": {"type": type, "id": id}})


async def with_role(name: str = "auditor", *scopes: str) -> Roles:
    roles = no_roles()
    with calling(CallContext(ADMIN)):
        await roles.put(ADMIN, name, RoleChange(scopes=frozenset(scopes or {"audit.read"})), None)
    return roles


def test_built_in_roles_follow_the_scopes_that_there_are() -> None:
    roles = {role.name: role.scopes for role in built_in_roles(ALL)}
    assert roles == {
        "reader": {"metadata.read", "audit.read", "identity.read"},
        "operator": {"metadata.read", "metadata.write", "audit.read", "identity.read"},
        "administrator": ALL,
    }


async def test_access_is_the_union_of_the_roles_of_all_that_someone_is() -> None:
    roles = await with_role()
    await roles.assign(ADMIN, order("auditor", "group", "analysts"))
    await roles.put(ADMIN, "writer", RoleChange(scopes=frozenset({"metadata.write"})), None)
    await roles.assign(ADMIN, order("writer"))
    access = await roles.access("acme", [("user", "ada"), ("group", "analysts"), ("group", "others")])
    assert access.roles == ("auditor", "writer")
    assert access.scopes == {"audit.read", "metadata.write"}


async def test_an_assignment_counts_for_its_kind_of_principal_and_its_tenant_only() -> None:
    roles = await with_role()
    await roles.assign(ADMIN, order("auditor"))
    assert (await roles.access("acme", [("group", "ada"), ("application", "ada"), ("app-role", "ada")])).scopes == set()
    assert (await roles.access("rival", [("user", "ada")])).scopes == set()


async def test_a_role_of_more_than_the_assigner_has_is_not_assigned() -> None:
    roles = await with_role("writer", "metadata.write")
    clerk = Principal("clerk", "acme", frozenset({"identity.write"}))
    with pytest.raises(CannotGrant):
        await roles.assign(clerk, order("writer"))
    with pytest.raises(UnknownScope):
        await roles.put(ADMIN, "keys", RoleChange(scopes=frozenset({"identity.keys"})), None)


async def test_a_role_that_is_held_stays() -> None:
    roles = await with_role()
    stored, is_new = await roles.assign(ADMIN, order("auditor"))
    assert is_new
    with pytest.raises(RoleInUse):
        await roles.delete(ADMIN, "auditor", None)
    await roles.unassign(ADMIN, stored.id, None)
    await roles.delete(ADMIN, "auditor", None)


async def test_more_assignments_than_are_looked_through_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.identity.directory.roles.MOST_ASSIGNMENTS", 2)
    roles = await with_role()
    for user in ("ada", "bob"):
        await roles.assign(ADMIN, order("auditor", id=user))
    with pytest.raises(TooManyAssignments):
        await roles.assign(ADMIN, order("auditor", id="eve"))
