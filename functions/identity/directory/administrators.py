"""A tenant's administrators as the platform's operators set them: the first one, and the next when all are gone."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chassis.context import CallContext, Principal, calling
from functions.identity.directory.models import AssignedTo, Assignment, AssignmentOrder
from functions.identity.directory.roles import ADMINISTRATOR, MOST_ASSIGNMENTS, Roles, assignment_id
from functions.identity.errors import TenantNotFound


@dataclass(frozen=True)
class Administrators:
    """The role `administrator` in any tenant of `tenants`; all else in a tenant is its own administrators' business.

    What changes is announced in the tenant, with the operator as the one who did it.
    """

    roles: Roles
    tenants: Callable[[], frozenset[str]]

    async def of(self, tenant: str) -> list[Assignment]:
        """Who holds the role. Raises TenantNotFound."""
        self._check(tenant)
        assigned = await self.roles.assignments(tenant, None, MOST_ASSIGNMENTS)
        return [assignment for assignment in assigned if assignment.role == ADMINISTRATOR]

    async def appoint(self, operator: Principal, tenant: str, who: AssignedTo) -> tuple[Assignment, bool]:
        """Give the role, and whether that is new: the same again changes nothing. Raises TenantNotFound."""
        self._check(tenant)
        everything = (await self.roles.get(tenant, ADMINISTRATOR)).value.scopes
        caller = replace(operator, tenant=tenant, scopes=everything)
        with calling(CallContext(caller)):
            stored, is_new = await self.roles.assign(caller, AssignmentOrder(role=ADMINISTRATOR, principal=who))
        return stored.value, is_new

    async def dismiss(self, operator: Principal, tenant: str, who: AssignedTo) -> None:
        """Take the role. Raises TenantNotFound, AssignmentNotFound."""
        self._check(tenant)
        caller = replace(operator, tenant=tenant)
        with calling(CallContext(caller)):
            await self.roles.unassign(caller, assignment_id(tenant, who, ADMINISTRATOR), None)

    def _check(self, tenant: str) -> None:
        if tenant not in self.tenants():
            raise TenantNotFound("no Entra tenant and no client of the settings stands for this tenant")
