"""Roles, assignments, and what they let someone do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from chassis.context import Principal
from chassis.http.idempotency import resource_id
from chassis.http.preconditions import Precondition, require
from chassis.messaging.events import Event
from chassis.storage.rows import RowExists
from functions.identity.directory.documents import Documents, Stored
from functions.identity.directory.models import (
    AssignedTo,
    Assignment,
    AssignmentOrder,
    PrincipalType,
    Role,
    RoleChange,
)
from functions.identity.errors import (
    AssignmentNotFound,
    BuiltInRole,
    CannotGrant,
    ETagMismatch,
    RoleInUse,
    RoleNotFound,
    TooManyAssignments,
    UnknownScope,
)

FRESH_FOR_S = 5.0
"""Another replica's change of roles or assignments counts here after this at the latest."""
MOST_ASSIGNMENTS = 5_000
ADMINISTRATOR = "administrator"
"""The built-in role that may do everything in its tenant."""


@dataclass(frozen=True)
class Access:
    """What someone's roles come to."""

    roles: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Snapshot:
    roles: Mapping[str, Role]
    assignments: Mapping[tuple[PrincipalType, str], tuple[str, ...]]
    number: int
    read_at: float


class Roles:
    """The roles and assignments of all tenants. `grantable` are the scopes that a tenant's role may have."""

    def __init__(self, roles: Documents[Role], assignments: Documents[Assignment], grantable: frozenset[str]) -> None:
        self._roles, self._assignments, self._grantable = roles, assignments, grantable
        self._built_in = {role.name: role for role in built_in_roles(grantable)}
        self._snapshots: dict[str, _Snapshot] = {}

    async def access(
        self, tenant: str, principals: Iterable[tuple[PrincipalType, str]], named: Iterable[str] = ()
    ) -> Access:
        """What the roles of these principals, and those named, come to."""
        found = await self._snapshot(tenant)
        names = set(named) | {name for principal in principals for name in found.assignments.get(principal, ())}
        held = [found.roles[name] for name in sorted(names) if name in found.roles]
        scopes = frozenset(scope for role in held for scope in role.scopes) & self._grantable
        return Access(tuple(role.name for role in held), scopes)

    async def all_roles(self, tenant: str) -> list[Role]:
        """Built-in roles, then the tenant's own."""
        return [*self._built_in.values(), *[stored.value async for stored in self._roles.scan(tenant)]]

    async def get(self, tenant: str, name: str) -> Stored[Role]:
        """One role. Raises RoleNotFound."""
        if name in self._built_in:
            return Stored(name, self._built_in[name], '"built-in"', "")
        found = await self._roles.get(tenant, name)
        if found is None:
            raise RoleNotFound(f"there is no role {name}")
        return found

    async def put(
        self, caller: Principal, name: str, change: RoleChange, condition: Precondition | None
    ) -> tuple[Stored[Role], bool]:
        """A role as given, and whether it is new. Raises BuiltInRole, UnknownScope, CannotGrant, ETagMismatch."""
        if name in self._built_in:
            raise BuiltInRole(f"{name} is built in")
        self.check_grant(caller, change.scopes)
        role = Role(name=name, scopes=change.scopes, description=change.description)
        event = Event("identity.role.changed", name, {"scopes": sorted(role.scopes)})
        old = await self._roles.get(caller.tenant, name)
        require(condition, None if old is None else old.etag, ETagMismatch)
        if old is None:
            stored = await self._roles.insert(caller.tenant, name, role, event)
        else:
            stored = await self._roles.replace(caller.tenant, old, role, event)
        self._snapshots.pop(caller.tenant, None)
        return stored, old is None

    async def delete(self, caller: Principal, name: str, condition: Precondition | None) -> None:
        """Remove a role that nobody holds. Raises RoleNotFound, BuiltInRole, RoleInUse, ETagMismatch."""
        if name in self._built_in:
            raise BuiltInRole(f"{name} is built in")
        old = await self.get(caller.tenant, name)
        require(condition, old.etag, ETagMismatch)
        async for assigned in self._assignments.scan(caller.tenant):
            if assigned.value.role == name:
                raise RoleInUse(f"{name} is still assigned")
        await self._roles.delete(caller.tenant, old, Event("identity.role.deleted", name))
        self._snapshots.pop(caller.tenant, None)

    async def assign(self, caller: Principal, order: AssignmentOrder) -> tuple[Stored[Assignment], bool]:
        """Give someone a role; the same again is the same assignment.

        Raises RoleNotFound, CannotGrant, TooManyAssignments.
        """
        role = (await self.get(caller.tenant, order.role)).value
        self.check_grant(caller, role.scopes)
        id = assignment_id(caller.tenant, order.principal, order.role)
        made = Assignment(
            id=id,
            role=order.role,
            principal=order.principal,
            created_at=datetime.now(UTC),
            created_by=caller.subject,
        )
        if (await self._snapshot(caller.tenant)).number >= MOST_ASSIGNMENTS:
            raise TooManyAssignments(f"a tenant has at most {MOST_ASSIGNMENTS} assignments; assign to groups")
        event = Event("identity.role.assigned", id, _told(order.role, order.principal))
        try:
            stored = await self._assignments.insert(caller.tenant, id, made, event)
        except RowExists:
            return await self.assignment(caller.tenant, id), False
        self._snapshots.pop(caller.tenant, None)
        return stored, True

    async def assignment(self, tenant: str, id: str) -> Stored[Assignment]:
        """One assignment. Raises AssignmentNotFound."""
        found = await self._assignments.get(tenant, id)
        if found is None:
            raise AssignmentNotFound("there is no such assignment")
        return found

    async def assignments(self, tenant: str, after: str | None, limit: int) -> list[Assignment]:
        """Some of the tenant's assignments, in order of ids."""
        return [stored.value async for stored in self._assignments.scan(tenant, after, limit)]

    async def unassign(self, caller: Principal, id: str, condition: Precondition | None) -> None:
        """Take a role from someone. Raises AssignmentNotFound, ETagMismatch."""
        old = await self.assignment(caller.tenant, id)
        require(condition, old.etag, ETagMismatch)
        event = Event("identity.role.unassigned", id, _told(old.value.role, old.value.principal))
        await self._assignments.delete(caller.tenant, old, event)
        self._snapshots.pop(caller.tenant, None)

    def check_grant(self, caller: Principal, scopes: frozenset[str]) -> None:
        """Nobody grants what he does not have. Raises UnknownScope or CannotGrant."""
        unknown = scopes - self._grantable
        if unknown:
            raise UnknownScope(f"no tenant's role or client can have: {' '.join(sorted(unknown))[:300]}")
        _check_carried(caller, scopes)

    async def check_reach(self, caller: Principal, application: str, scopes: frozenset[str] = frozenset()) -> None:
        """Nobody sets the proof of a client of his tenant that may do more than he: he could sign in as it.

        `scopes` are the client's own, to which those of its roles come. Raises CannotGrant.
        """
        access = await self.access(caller.tenant, [("application", application)])
        _check_carried(caller, (scopes & self._grantable) | access.scopes)

    async def _snapshot(self, tenant: str) -> _Snapshot:
        found = self._snapshots.get(tenant)
        if found is not None and monotonic() - found.read_at < FRESH_FOR_S:
            return found
        read_at = monotonic()
        roles = {role.name: role for role in await self.all_roles(tenant)}
        assigned: dict[tuple[PrincipalType, str], tuple[str, ...]] = {}
        async for stored in self._assignments.scan(tenant, limit=MOST_ASSIGNMENTS):
            key = (stored.value.principal.type, stored.value.principal.id)
            assigned[key] = (*assigned.get(key, ()), stored.value.role)
        number = sum(map(len, assigned.values()))
        self._snapshots[tenant] = made = _Snapshot(roles, assigned, number, read_at)
        return made


def _check_carried(caller: Principal, scopes: frozenset[str]) -> None:
    missing = scopes - caller.scopes
    if missing:
        raise CannotGrant(f"your own token does not carry: {' '.join(sorted(missing))[:300]}")


def built_in_roles(grantable: frozenset[str]) -> list[Role]:
    """What every tenant has: to read everything, to work with everything, and to say who may."""
    reads = frozenset(scope for scope in grantable if scope.endswith(".read"))
    works = frozenset(scope for scope in grantable if not scope.startswith("identity.")) | reads
    described = {
        "reader": (reads, "Reads everything"),
        "operator": (works, "Works with everything but identities"),
        ADMINISTRATOR: (grantable, "May do everything in the tenant"),
    }
    return [
        Role(name=name, scopes=scopes, description=text, built_in=True) for name, (scopes, text) in described.items()
    ]


def assignment_id(tenant: str, principal: AssignedTo, role: str) -> str:
    """The id of an assignment: the same for the same order."""
    return resource_id(tenant, "assignment", f"{principal.type}|{principal.id}|{role}")


def _told(role: str, principal: AssignedTo) -> dict[str, str]:
    return {"role": role, "principalType": principal.type, "principalId": principal.id}
