"""Which scopes a token gets."""

import re
from collections.abc import Set

from functions.identity.errors import InvalidScope
from functions.identity.schemas import SCOPE

ON_BEHALF = "identity.on-behalf"
"""Lets a service ask for tokens that speak for others: the gateway, for the owners of API keys."""
INTERNAL = frozenset({ON_BEHALF, "monitoring.ingest"})
"""Between services only: no tenant's role, client or API key has them."""
OPERATOR = frozenset({"identity.keys", "identity.tenants", "gateway.write"})
"""For those who run the platform: only clients of the clients file have them, in the tenant `platform`."""
_SCOPE = re.compile(SCOPE)


def granted(requested: str | None, allowed: Set[str]) -> str:
    """The scope of the token, sorted and separated by spaces: what was asked for, or all that the client may have.

    Raises InvalidScope when any of it is malformed or not the client's; a token is never silently narrowed.
    """
    if requested is None:
        return " ".join(sorted(allowed))
    wanted = requested.split(" ")
    if not all(_SCOPE.fullmatch(scope) for scope in wanted):
        raise InvalidScope("scope is a list of scopes separated by single spaces")
    refused = sorted(set(wanted) - allowed)
    if refused:
        raise InvalidScope(f"not allowed for this client: {' '.join(refused)[:200]}")
    return " ".join(sorted(set(wanted)))
