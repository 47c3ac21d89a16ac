"""Checks beside schemathesis' own, which find what is told and not sent: here it is the other way round."""

from urllib.parse import urljoin

import httpx
import schemathesis
from schemathesis import Case, CheckContext, Response

HEADERS = ("Cache-Control", "Content-Disposition", "ETag", "Location", "Retry-After", "WWW-Authenticate")


@schemathesis.check
def sent_headers_are_told(ctx: CheckContext, response: Response, case: Case) -> None:
    """A client learns of these headers from the document alone."""
    answer = case.operation.responses.find_by_status_code(response.status_code)
    told = {name.lower() for name, _ in answer.headers.items()} if answer is not None else set()
    untold = [name for name in HEADERS if name.lower() in response.headers and name.lower() not in told]
    assert not untold, f"{response.status_code} has {untold}, and the document does not tell of it"


@schemathesis.check
def a_place_can_be_looked_at(ctx: CheckContext, response: Response, case: Case) -> None:
    """The Location of what was made or begun is taken as it is, with the same token."""
    for location in response.headers.get("location", []) if response.status_code in (201, 202) else []:
        url = urljoin(response.request.url or "", location)
        found = httpx.get(url, headers={"Authorization": response.request.headers["Authorization"]})
        assert found.status_code == 200, f"GET {location} gave {found.status_code}"
