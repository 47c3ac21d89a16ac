"""The API of secrets: put, list by name, delete. Nothing gives a value back."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from chassis.context import Principal
from chassis.http.app import requires
from functions.workflow import composition
from functions.workflow.schemas import SECRET_NAME, SecretHead, SecretPage, SecretValue

router = APIRouter(prefix="/secrets")
SCOPE = "workflow.secrets"

SecretName = Annotated[str, Path(pattern=SECRET_NAME)]


@router.put("/{name}")
async def put_secret(name: SecretName, secret: SecretValue, caller: Principal = requires(SCOPE)) -> SecretHead:
    """Keep a secret, in place of the one there was."""
    return await composition.secrets().put(caller.tenant, name, secret.value)


@router.get("")
async def list_secrets(
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    caller: Principal = requires(SCOPE),
) -> SecretPage:
    """The tenant's secrets by name, without their values."""
    return await composition.secrets().page(caller.tenant, after, limit)


@router.delete("/{name}", status_code=204)
async def delete_secret(name: SecretName, caller: Principal = requires(SCOPE)) -> None:
    """Forget a secret; may be repeated."""
    await composition.secrets().delete(caller.tenant, name)
