"""The audit service's HTTP API: every answer is about the log of the token's tenant alone."""

from typing import Annotated

from fastapi import APIRouter, Query

from chassis.context import Principal
from chassis.http.app import requires
from functions.audit import composition
from functions.audit.repository import LeafFilter
from functions.audit.schemas import Checkpoint, ConsistencyProof, EventPage, InclusionProof

router = APIRouter(prefix="/audit", tags=["audit"])

MAX_SIZE = 10**15 - 1
Text = Annotated[str | None, Query(min_length=1, max_length=512)]
Index = Annotated[int, Query(ge=0, le=MAX_SIZE)]
OptionalSize = Annotated[int | None, Query(ge=0, le=MAX_SIZE)]


@router.get("/events")
async def list_events(
    correlation_id: Annotated[str | None, Query(alias="correlationId", min_length=1, max_length=512)] = None,
    trace_id: Annotated[str | None, Query(alias="traceId", pattern="^[0-9a-f]{32}$")] = None,
    type: Text = None,
    subject: Text = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    caller: Principal = requires("audit.read"),
) -> EventPage:
    """Events in the order of the log; filters are joined by `and`."""
    wanted = LeafFilter(correlation_id, trace_id, type, subject)
    return await composition.service().events(caller.tenant, wanted, after, limit)


@router.get("/checkpoint")
async def get_checkpoint(caller: Principal = requires("audit.read")) -> Checkpoint:
    """Size and root hash of the log."""
    return await composition.service().checkpoint(caller.tenant)


@router.get("/proofs/inclusion")
async def prove_inclusion(
    index: Index, size: OptionalSize = None, caller: Principal = requires("audit.read")
) -> InclusionProof:
    """The proof that one leaf is in the log (RFC 6962 section 2.1.1)."""
    return await composition.service().inclusion(caller.tenant, index, size)


@router.get("/proofs/consistency")
async def prove_consistency(
    first: Index, second: OptionalSize = None, caller: Principal = requires("audit.read")
) -> ConsistencyProof:
    """The proof that the log only grew between two sizes (RFC 6962 section 2.1.2)."""
    return await composition.service().consistency(caller.tenant, first, second)
