import pytest

from chassis.context import Principal
from functions.identity.directory.administrators import Administrators
from functions.identity.directory.models import AssignedTo
from functions.identity.errors import AssignmentNotFound, TenantNotFound
from tests.unit.functions.identity.parts import no_roles

OPERATOR = Principal("operator", "platform", frozenset({"identity.tenants"}))
ADA = AssignedTo(type="user", id="ada")


def administrators() -> Administrators:
    return Administrators(no_roles(), lambda: frozenset({"acme", "platform"}))


async def test_whom_the_operator_appoints_may_do_everything_in_that_tenant_alone() -> None:
    office = administrators()
    assignment, is_new = await office.appoint(OPERATOR, "acme", ADA)
    assert (is_new, assignment.created_by) == (True, "operator")
    assert "identity.write" in (await office.roles.access("acme", [("user", "ada")])).scopes
    assert not (await office.roles.access("platform", [("user", "ada")])).scopes


async def test_to_appoint_someone_again_changes_nothing() -> None:
    office = administrators()
    first, _ = await office.appoint(OPERATOR, "acme", ADA)
    assert await office.appoint(OPERATOR, "acme", ADA) == (first, False)
    assert await office.of("acme") == [first]


async def test_only_administrators_are_dismissed_and_only_once() -> None:
    office = administrators()
    await office.appoint(OPERATOR, "acme", ADA)
    with pytest.raises(AssignmentNotFound):
        await office.dismiss(OPERATOR, "acme", AssignedTo(type="group", id="ada"))
    await office.dismiss(OPERATOR, "acme", ADA)
    assert await office.of("acme") == []
    with pytest.raises(AssignmentNotFound):
        await office.dismiss(OPERATOR, "acme", ADA)


async def test_a_tenant_that_nobody_can_sign_in_to_gets_no_administrator() -> None:
    office = administrators()
    with pytest.raises(TenantNotFound):
        await office.appoint(OPERATOR, "acmee", ADA)
    with pytest.raises(TenantNotFound):
        await office.of("acmee")
