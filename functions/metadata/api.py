"""The metadata service's HTTP API for schemas; the other two kinds have their own modules."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.headers import ETAG, LOCATION
from chassis.http.openapi import UNCHANGED, also, sends, takes
from chassis.http.preconditions import Condition, IfNoneMatch, is_unchanged
from functions.metadata import composition, paging
from functions.metadata.errors import BadPageToken, BatchTooLarge, DocumentTooLarge
from functions.metadata.schema_document import MAX_SCHEMA_BYTES
from functions.metadata.schemas import (
    Name,
    SchemaDocument,
    SchemaHead,
    SchemaPage,
    SchemaVersion,
    SchemaVersionPage,
)
from functions.metadata.validation import MAX_BATCH_BYTES, MAX_ITEMS, BatchResult
from functions.metadata.versioned import Version

SCHEMA_BODY = takes(
    "application/json",
    schema={"type": ["object", "boolean"]},
    example={"type": "object", "properties": {"celsius": {"type": "number"}}, "required": ["celsius"]},
)
BATCH_BODY = takes(
    "application/json",
    schema={
        "type": "object",
        "properties": {"items": {"type": "array", "items": {}, "maxItems": MAX_ITEMS}},
        "required": ["items"],
        "additionalProperties": False,
    },
    example={"items": [{"celsius": 36.6}, {"celsius": "hot"}]},
)
router = APIRouter(prefix="/metadata/schemas", tags=["schemas"])

SchemaName = Annotated[Name, Path()]
VersionOrLatest = Annotated[str, Path(pattern=r"^(latest|[1-9][0-9]{0,8})$")]
READ, WRITE = "metadata.read", "metadata.write"


@router.get("")
async def list_schemas(
    after: paging.After = None, limit: paging.Limit = 100, caller: Principal = requires(READ)
) -> SchemaPage:
    """The latest version of each schema, in order of names."""
    heads = [head async for head in composition.schemas().documents.heads(caller.tenant, paging.key_of(after), limit)]
    items = [SchemaHead(name=h.name, version=h.version, etag=h.etag, updated_at=h.updated_at) for h in heads]
    return SchemaPage(items=items, next=paging.token_of(heads[-1].name) if len(heads) == limit else None)


@router.put(
    "/{name}",
    responses=also(201, SchemaVersion),
    openapi_extra=SCHEMA_BODY | sends(ETAG | LOCATION, 200, 201),
)
async def register_schema(
    name: SchemaName,
    request: Request,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> SchemaVersion:
    """Register a JSON Schema 2020-12 document: 201 for a new version, 200 for a document that has one already."""
    _check_length(request, MAX_SCHEMA_BYTES, DocumentTooLarge)
    version, is_new = await composition.schemas().register(caller.tenant, name, await request.body(), condition)
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = version.etag
    response.headers["Location"] = f"/metadata/schemas/{name}/versions/{version.version}"
    return SchemaVersion(**_described(version))


@router.get("/{name}/versions")
async def list_schema_versions(
    name: SchemaName, after: paging.After = None, limit: paging.Limit = 100, caller: Principal = requires(READ)
) -> SchemaVersionPage:
    """All versions of one schema, in order."""
    start = paging.key_of(after) or "0"
    if not start.isdecimal() or len(start) > 10:
        raise BadPageToken("send the `next` of an earlier page, or nothing")
    found = [v async for v in composition.schemas().documents.versions(caller.tenant, name, int(start), limit)]
    items = [SchemaVersion(**_described(version)) for version in found]
    return SchemaVersionPage(items=items, next=paging.token_of(str(found[-1].version)) if len(found) == limit else None)


@router.get(
    "/{name}/versions/{version}",
    response_model=SchemaDocument,
    responses=UNCHANGED,
    openapi_extra=sends(ETAG, 200),
)
async def get_schema(
    name: SchemaName,
    version: VersionOrLatest,
    response: Response,
    if_none_match: IfNoneMatch,
    caller: Principal = requires(READ),
) -> SchemaDocument | Response:
    """One version with its document."""
    found = await composition.schemas().read(caller.tenant, name, number_of(version))
    if is_unchanged(if_none_match, found.etag):
        return Response(status_code=304, headers={"ETag": found.etag})
    response.headers["ETag"] = found.etag
    return SchemaDocument(**_described(found), schema_=found.document)


@router.post(
    "/{name}/versions/{version}/validate",
    response_model=BatchResult,
    openapi_extra=BATCH_BODY,
)
async def validate_items(
    name: SchemaName,
    version: VersionOrLatest,
    request: Request,
    errors_per_item: Annotated[int, Query(alias="errorsPerItem", ge=1, le=20)] = 10,
    caller: Principal = requires(READ),
) -> Response:
    """Validate `{"items": […]}` (at most 10,000 items, 16 MiB): how many are valid, and what is wrong with the rest."""
    _check_length(request, MAX_BATCH_BYTES, BatchTooLarge)
    body = await request.body()
    result = await composition.schemas().validate(caller.tenant, name, number_of(version), body, errors_per_item)
    return Response(result.to_json(), media_type="application/json")


def number_of(version: str) -> int | None:
    """The number of a version in a path; None for `latest`."""
    return None if version == "latest" else int(version)


def _check_length(request: Request, most: int, error: type[DocumentTooLarge] | type[BatchTooLarge]) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise error(f"the body has at most {most} bytes")


def _described(version: Version) -> dict[str, object]:
    return {
        "name": version.name,
        "version": version.version,
        "etag": version.etag,
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
