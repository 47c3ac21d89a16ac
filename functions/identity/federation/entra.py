"""Microsoft Entra ID: its v2.0 tokens, from the tenants that are allowed, as users and applications of ours.

Claims as in https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.context import PrincipalKind
from functions.identity.directory.models import PrincipalType
from functions.identity.federation.issuers import Issuers, UntrustedToken, claimed


@dataclass(frozen=True)
class Outsider:
    """Someone whom another issuer vouches for. `principals` are all that a role may be assigned to for them."""

    subject: str
    tenant: str
    kind: PrincipalKind
    principals: tuple[tuple[PrincipalType, str], ...]
    expires_at: float
    name: str = ""


@dataclass(frozen=True)
class Entra:
    """The allowed Entra tenants, each with the platform's tenant that it stands for."""

    issuers: Issuers
    authority: str
    audience: str
    tenants: Mapping[str, str]

    def issuer_of(self, tenant_id: str) -> str:
        """The issuer of an Entra tenant's v2.0 tokens."""
        return f"{self.authority.rstrip('/')}/{tenant_id}/v2.0"

    async def read(self, token: str) -> Outsider:
        """Whom an access token or id token is about. Raises UntrustedToken, or DependencyUnavailable."""
        told = claimed(token).get("iss")
        tenant_id = next((known for known in self.tenants if told == self.issuer_of(known)), None)
        if tenant_id is None:
            raise UntrustedToken("not a v2.0 token of an allowed tenant")
        claims = await self.issuers.claims(token, self.issuer_of(tenant_id), self.audience)
        if claims.get("tid") != tenant_id or claims.get("ver") != "2.0":
            raise UntrustedToken("tid or ver does not fit the issuer")
        return _outsider(claims, self.tenants[tenant_id])


def _outsider(claims: dict[str, Any], tenant: str) -> Outsider:
    object_id = claims.get("oid")
    if not isinstance(object_id, str) or not object_id:
        raise UntrustedToken("no oid")
    elsewhere = claims.get("_claim_names") or {}
    if not isinstance(elsewhere, dict) or "groups" in elsewhere or claims.get("hasgroups"):
        raise UntrustedToken("the token does not list all groups; assign groups to the application, or use app roles")
    is_application = claims.get("idtyp") == "app" or (claims.get("sub") == object_id and "scp" not in claims)
    principals: list[tuple[PrincipalType, str]] = [("application" if is_application else "user", object_id)]
    principals += [("group", group) for group in _texts(claims.get("groups"))]
    principals += [("app-role", role) for role in _texts(claims.get("roles"))]
    return Outsider(
        subject=object_id,
        tenant=tenant,
        kind="application" if is_application else "user",
        principals=tuple(principals),
        expires_at=float(claims["exp"]),
        name=str(claims.get("name") or claims.get("preferred_username") or ""),
    )


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
