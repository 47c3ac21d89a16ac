"""The metadata service's HTTP API for configuration."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from chassis.context import Principal
from chassis.http.app import requires
from chassis.http.headers import ETAG, LOCATION
from chassis.http.openapi import UNCHANGED, also, sends
from chassis.http.preconditions import Condition, EntityTags, IfNoneMatch, is_unchanged
from functions.metadata import composition
from functions.metadata.api import READ, WRITE, VersionOrLatest, number_of
from functions.metadata.errors import ConfigurationNotFound
from functions.metadata.schemas import Configuration, Name, ValueBody
from functions.metadata.versioned import Version

router = APIRouter(prefix="/metadata/configuration", tags=["configuration"])
ConfigurationKey = Annotated[Name, Path()]


@router.put("/{key}", responses=also(201, Configuration), openapi_extra=sends(ETAG | LOCATION, 200, 201))
async def put_configuration(
    key: ConfigurationKey,
    body: ValueBody,
    response: Response,
    condition: Condition,
    caller: Principal = requires(WRITE),
) -> Configuration:
    """Set a value: 201 for a new version, 200 when the present version has this value already."""
    version, is_new = await composition.configuration().put(caller.tenant, key, body.value, condition)
    response.status_code = 201 if is_new else 200
    response.headers["ETag"] = version.etag
    response.headers["Location"] = f"/metadata/configuration/{key}/versions/{version.version}"
    return _described(version, body.value)


@router.get("/{key}", response_model=Configuration, responses=UNCHANGED, openapi_extra=sends(ETAG, 200))
async def get_configuration(
    key: ConfigurationKey,
    response: Response,
    if_none_match: IfNoneMatch,
    caller: Principal = requires(READ),
) -> Configuration | Response:
    """The present version of a value."""
    return await _answer(caller.tenant, key, None, response, if_none_match)


@router.get(
    "/{key}/versions/{version}",
    response_model=Configuration,
    responses=UNCHANGED,
    openapi_extra=sends(ETAG, 200),
)
async def get_configuration_version(
    key: ConfigurationKey,
    version: VersionOrLatest,
    response: Response,
    if_none_match: IfNoneMatch,
    caller: Principal = requires(READ),
) -> Configuration | Response:
    """One version of a value."""
    return await _answer(caller.tenant, key, number_of(version), response, if_none_match)


async def _answer(
    tenant: str, key: str, version: int | None, response: Response, if_none_match: EntityTags | None
) -> Configuration | Response:
    found = await composition.configuration().get(tenant, key, version)
    if found is None:
        raise ConfigurationNotFound(f"there is no configuration {key}" + (f" version {version}" if version else ""))
    if is_unchanged(if_none_match, found.etag):
        return Response(status_code=304, headers={"ETag": found.etag})
    response.headers["ETag"] = found.etag
    return _described(found, found.document)


def _described(version: Version, value: object) -> Configuration:
    return Configuration(
        key=version.name,
        version=version.version,
        etag=version.etag,
        value=value,
        updated_at=version.created_at,
        updated_by=version.created_by,
    )
