"""The development login: users of a file made on this machine. Settings refuse it anywhere else."""

from dataclasses import dataclass
from pathlib import Path
from time import time

from pydantic import Field, TypeAdapter

from chassis.models import Contract
from functions.identity.client_secrets import ClientSecrets
from functions.identity.directory.models import PrincipalType, RoleName
from functions.identity.errors import InvalidClient
from functions.identity.federation.entra import Outsider
from functions.identity.lockout import Lockout
from functions.identity.schemas import NAME, Name


class DevelopmentUser(Contract):
    """One user of the file."""

    user_name: Name
    tenant: Name
    name: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[RoleName, ...] = ()
    secret_hash: str = Field(pattern=r"^\$argon2id?\$", repr=False)


_users_file: TypeAdapter[list[DevelopmentUser]] = TypeAdapter(list[DevelopmentUser])


@dataclass(frozen=True)
class DevelopmentLogin:
    """Checks user names and passwords."""

    file: Path
    secrets: ClientSecrets
    lockout: Lockout

    async def sign_in(self, user_name: str, password: str, address: str) -> tuple[Outsider, tuple[str, ...]]:
        """The user and the roles that the file gives him. Raises InvalidClient or LockedOut."""
        if not NAME.fullmatch(user_name):
            raise InvalidClient
        counted = f"user {user_name}"

        def may_try() -> None:
            self.lockout.check(counted, address)

        may_try()
        user = next((user for user in self._users() if user.user_name == user_name), None)
        if not await self.secrets.matches(user.secret_hash if user else None, password, may_try) or user is None:
            self.lockout.failed(counted, address)
            raise InvalidClient
        self.lockout.succeeded(counted, address)
        groups: list[tuple[PrincipalType, str]] = [("group", group) for group in user.groups]
        outsider = Outsider(user.user_name, user.tenant, "user", (("user", user.user_name), *groups), time(), user.name)
        return outsider, user.roles

    def _users(self) -> list[DevelopmentUser]:
        try:
            return _users_file.validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return []
