"""Those who run the platform: routes of theirs alone, which are about all tenants or none."""

from typing import Any

from fastapi import Depends

from chassis.context import Principal
from chassis.errors import Forbidden
from chassis.http.app import requires

OPERATORS = "platform"
"""The tenant whose clients may have the scopes of operators (functions/identity/scopes.py)."""


def requires_operator(scope: str) -> Any:
    """A FastAPI dependency that gives an operator's Principal, or answers 401 or 403."""

    async def operator(caller: Principal = requires(scope)) -> Principal:
        if caller.tenant != OPERATORS:
            raise Forbidden("this belongs to the platform, not to a tenant")
        return caller

    return Depends(operator)
