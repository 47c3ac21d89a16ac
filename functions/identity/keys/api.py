"""The operators' API of the signing keys. One set of keys signs for all tenants, so only the platform's own may."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request

from chassis.http.idempotency import IdempotencyKey
from chassis.models import Contract
from functions.identity.keys.ring import Algorithm, State
from functions.identity.keys.rotation import KeyRotation
from functions.identity.operators import requires_operator

SCOPE = "identity.keys"
Kid = Annotated[str, Path(pattern=r"^[0-9A-Za-z\-]{1,64}$")]
router = APIRouter(prefix="/identity/keys", tags=["keys"], dependencies=[requires_operator(SCOPE)])


class KeyView(Contract):
    """One signing key and the state it is in."""

    kid: str
    algorithm: Algorithm
    state: State
    since: datetime
    created_at: datetime


class KeyPage(Contract):
    """All signing keys that are remembered, the one that signs first."""

    items: list[KeyView]


class RotationOrder(Contract):
    """The algorithm of the key that is made, to sign after the next rotation; as the settings say when not given."""

    algorithm: Algorithm | None = None


@router.get("")
async def list_keys(request: Request) -> KeyPage:
    """The keys with their states: signing, next, retired, withdrawn."""
    return await _page(_rotation(request))


@router.post("/rotate")
async def rotate_keys(
    request: Request,
    order: RotationOrder | None = None,
    key: IdempotencyKey = None,
) -> KeyPage:
    """The next key signs from now on; 409 while it is not known everywhere, which also makes a repetition harmless."""
    rotation = _rotation(request)
    await rotation.rotate(order.algorithm if order else None)
    return await _page(rotation)


@router.post("/{kid}/withdraw")
async def withdraw_key(kid: Kid, request: Request) -> KeyPage:
    """Take a compromised key out of use at once; edge and services refuse its tokens within seconds."""
    rotation = _rotation(request)
    await rotation.withdraw(kid)
    return await _page(rotation)


def _rotation(request: Request) -> KeyRotation:
    rotation: KeyRotation = request.app.state.identity.rotation
    return rotation


async def _page(rotation: KeyRotation) -> KeyPage:
    ring = await rotation.ring()
    ordered = [*ring.published(), *(key for key in ring.keys if key.state == "withdrawn")]
    return KeyPage(items=[KeyView(**key.model_dump(exclude={"public"})) for key in ordered])
