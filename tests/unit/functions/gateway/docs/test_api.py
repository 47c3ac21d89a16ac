import httpx
import pytest
from fastapi import FastAPI

from functions.gateway.docs.api import docs


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js"])
async def test_a_file_that_the_browser_has_is_not_sent_again(path: str) -> None:
    app = FastAPI(docs_url=None)  # which would be at this path
    app.include_router(docs)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        first = await client.get(path)
        assert (first.status_code, bool(first.content)) == (200, True)
        again = await client.get(path, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (await client.get(path, headers={"If-None-Match": '"x"'})).status_code == 200
