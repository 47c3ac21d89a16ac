"""Whom an API key's token speaks for: what the gateway says of a key that it has checked."""

import base64
import binascii
from typing import Literal

from pydantic import Field, ValidationError

from chassis.models import Contract
from functions.identity.authentication import Authenticated
from functions.identity.errors import InvalidSubject, UnauthorizedClient
from functions.identity.repository import FindClient, Tenants
from functions.identity.schemas import Name
from functions.identity.scopes import INTERNAL, ON_BEHALF, OPERATOR
from functions.identity.tokens import Holder

TOKEN_TYPE = "urn:platform:params:oauth:token-type:api-key-owner"  # noqa: S105 - a type, not a token


class ApiKeyOwner(Contract):
    """The subject token: base64url of this in JSON. Not signed: it counts only from a client with ON_BEHALF.

    An application's key speaks for that client, and may do what the client may do now; a user's key may do what the
    gateway recorded when the user made it. `scope` is separated by spaces.
    """

    tenant: Name
    subject: str = Field(min_length=1, max_length=256)
    kind: Literal["application", "user"]
    key_id: Name
    scope: str = Field(max_length=4096)


async def holder_of(
    subject_token: str, caller: Authenticated, find_client: FindClient, tenants: Tenants
) -> tuple[Holder, frozenset[str]]:
    """The holder and the most that the token may carry. Raises UnauthorizedClient or InvalidSubject."""
    if caller.client.kind != "service" or ON_BEHALF not in caller.client.scopes:
        raise UnauthorizedClient("only the gateway may ask for the token of an API key's owner")
    owner = _read(subject_token)
    if owner.tenant not in tenants():
        raise InvalidSubject("the API key's tenant is gone")
    # Not the operators' either: whoever got hold of the gateway would have every tenant and the signing keys.
    allowed = frozenset(owner.scope.split()) - INTERNAL - OPERATOR
    client_id = f"apikey.{owner.key_id}"
    if owner.kind == "application":
        client = await find_client(owner.subject)
        if client is None or client.disabled or client.tenant != owner.tenant or client.kind != "application":
            raise InvalidSubject("the API key's owner is not a client of this tenant any more")
        allowed, client_id = allowed & client.scopes, client.client_id
    return Holder(owner.subject, owner.tenant, owner.kind, client_id, actor=caller.client.client_id), allowed


def encode(owner: ApiKeyOwner) -> str:
    """The subject token."""
    return base64.urlsafe_b64encode(owner.model_dump_json().encode()).rstrip(b"=").decode()


def _read(subject_token: str) -> ApiKeyOwner:
    try:
        return ApiKeyOwner.model_validate_json(base64.urlsafe_b64decode(subject_token + "=="))
    except (binascii.Error, ValidationError, ValueError):
        raise InvalidSubject("the subject token does not describe an API key's owner") from None
