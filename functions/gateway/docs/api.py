"""`/docs`: Swagger UI over the merged document, from files of this service and of the package fastapi-offline."""

import asyncio
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from chassis.errors import NotFound
from chassis.http.preconditions import EntityTags, IfNoneMatch, is_unchanged

OWN = Path(__file__).resolve().parent
# Scripts and styles of this origin alone; Swagger UI sets style attributes and draws icons from data: URLs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
docs = APIRouter(include_in_schema=False)


class NoSuchPage(NotFound):
    """Nothing of the documentation lies at this path."""

    code, title = "gateway.no-such-page", "No such page"


@docs.get("/docs")
async def show_docs(known: IfNoneMatch) -> Response:
    """The page."""
    return await _answer(OWN / "index.html", known, {"content-security-policy": POLICY})


@docs.get("/docs/{name}")
async def docs_file(name: str, known: IfNoneMatch) -> Response:
    """A script or style of the page."""
    found = {
        "start.js": OWN / "start.js",
        "swagger-ui-bundle.js": _swagger_ui() / "swagger-ui-bundle.js",
        "swagger-ui.css": _swagger_ui() / "swagger-ui.css",
    }
    if name not in found:
        raise NoSuchPage("nothing of the documentation lies at this path")
    return await _answer(found[name], known, {})


async def _answer(file: Path, known: EntityTags | None, headers: Mapping[str, str]) -> Response:
    """The file with its ETag, or that the caller has it already."""
    found = FileResponse(file, headers=headers, stat_result=await asyncio.to_thread(file.stat))
    etag = found.headers["etag"]
    return Response(status_code=304, headers={"ETag": etag}) if is_unchanged(known, etag) else found


def _swagger_ui() -> Path:
    return Path(str(files("fastapi_offline"))) / "static"
