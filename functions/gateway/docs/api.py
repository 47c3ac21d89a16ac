"""`/docs`: Swagger UI over the merged document, from files of this service and of the package fastapi-offline."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from chassis.errors import NotFound

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
async def show_docs() -> FileResponse:
    """The page."""
    return FileResponse(OWN / "index.html", headers={"content-security-policy": POLICY})


@docs.get("/docs/{name}")
async def docs_file(name: str) -> FileResponse:
    """A script or style of the page."""
    found = {
        "start.js": OWN / "start.js",
        "swagger-ui-bundle.js": _swagger_ui() / "swagger-ui-bundle.js",
        "swagger-ui.css": _swagger_ui() / "swagger-ui.css",
    }
    if name not in found:
        raise NoSuchPage("nothing of the documentation lies at this path")
    return FileResponse(found[name])


def _swagger_ui() -> Path:
    return Path(str(files("fastapi_offline"))) / "static"
