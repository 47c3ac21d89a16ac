"""The metadata service's HTTP API for reference data."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.created import created
from chassis.http.headers import ETAG, LOCATION
from chassis.http.openapi import UNCHANGED, also, sends
from chassis.http.preconditions import Condition, IfNoneMatch, is_unchanged
from functions.metadata import composition, paging
from functions.metadata.api import READ, WRITE
from functions.metadata.errors import ReferenceDataNotFound
from functions.metadata.reference_data import ReferenceSet, item_etag
from functions.metadata.schemas import (
    Key,
    Name,
    ReferenceItem,
    ReferenceSetBody,
    ReferenceSetItems,
    ReferenceSetPage,
    ReferenceSetState,
    ValueBody,
)

router = APIRouter(prefix="/metadata/reference-data", tags=["reference data"])

SetName = Annotated[Name, Path(alias="set")]
ItemKey = Annotated[Key, Path()]


@router.get("")
async def list_sets(
    after: paging.After = None, limit: paging.Limit = 100, caller: Principal = requires(READ)
) -> ReferenceSetPage:
    """All sets, in order of names, without their items."""
    found = [s async for s in composition.reference_data().heads(caller.tenant, paging.key_of(after), limit)]
    next_page = paging.token_of(found[-1].name) if len(found) == limit else None
    return ReferenceSetPage(items=[ReferenceSetState(**_described(each)) for each in found], next=next_page)


@router.put("/{set}", responses=also(201, ReferenceSetState, LOCATION), openapi_extra=sends(ETAG, 200, 201))
async def replace_set(
    name: SetName,
    body: ReferenceSetBody,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> ReferenceSetState:
    """Replace all items of a set, or make it (201). The same items again change nothing."""
    stored, is_new = await composition.reference_data().put_set(caller.tenant, name, body.items, condition)
    if is_new:
        created(response, f"/metadata/reference-data/{name}")
    response.headers["ETag"] = stored.etag
    return ReferenceSetState(**_described(stored))


@router.get("/{set}", response_model=ReferenceSetItems, responses=UNCHANGED, openapi_extra=sends(ETAG, 200))
async def get_set(
    name: SetName, response: Response, if_none_match: IfNoneMatch, caller: Principal = requires(READ)
) -> ReferenceSetItems | Response:
    """A set with all its items."""
    stored = await _existing(caller.tenant, name)
    if is_unchanged(if_none_match, stored.etag):
        return Response(status_code=304, headers={"ETag": stored.etag})
    response.headers["ETag"] = stored.etag
    return ReferenceSetItems(**_described(stored), items=stored.items)


@router.put("/{set}/{key}", responses=also(201, ReferenceItem, LOCATION), openapi_extra=sends(ETAG, 200, 201))
async def put_item(
    name: SetName,
    key: ItemKey,
    body: ValueBody,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> ReferenceItem:
    """Set one item; If-Match is about the item's own ETag."""
    _, is_new = await composition.reference_data().put_item(caller.tenant, name, key, body.value, condition)
    etag = item_etag(body.value)
    if is_new:
        created(response, f"/metadata/reference-data/{name}/{quote(key, safe='')}")
    response.headers["ETag"] = etag
    return ReferenceItem(set=name, key=key, value=body.value, etag=etag)


@router.get("/{set}/{key}", response_model=ReferenceItem, responses=UNCHANGED, openapi_extra=sends(ETAG, 200))
async def get_item(
    name: SetName,
    key: ItemKey,
    response: Response,
    if_none_match: IfNoneMatch,
    caller: Principal = requires(READ),
) -> ReferenceItem | Response:
    """One item of a set."""
    stored = await _existing(caller.tenant, name)
    if key not in stored.items:
        raise ReferenceDataNotFound(f"the set {name} has no such key")
    etag = item_etag(stored.items[key])
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return ReferenceItem(set=name, key=key, value=stored.items[key], etag=etag)


async def _existing(tenant: str, name: str) -> ReferenceSet:
    stored = await composition.reference_data().get(tenant, name)
    if stored is None:
        raise ReferenceDataNotFound(f"there is no set {name}")
    return stored


def _described(stored: ReferenceSet) -> dict[str, object]:
    return {
        "set": stored.name,
        "revision": stored.revision,
        "count": stored.count,
        "etag": stored.etag,
        "updated_at": stored.updated_at,
    }
