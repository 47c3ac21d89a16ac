import json
from typing import Any, cast

import azure.functions as func
import pytest
from fastapi import FastAPI

from chassis.http.trigger import HttpFront

app = FastAPI()


@app.get("/metadata/schemas/{name}")
async def read(name: str) -> dict[str, str]:
    return {"name": name}


async def answer(path: str) -> func.HttpResponse:
    request = func.HttpRequest("GET", f"http://127.0.0.1:7071{path}", headers={}, body=b"")
    return await HttpFront(app).handle(request, cast(Any, None))


@pytest.mark.parametrize("segment", ["%ff%fe", "%c3%28", "%ed%a0%80"])
async def test_a_path_that_is_no_utf8_is_a_bad_request_and_not_a_failed_invocation(segment: str) -> None:
    refused = await answer(f"/metadata/schemas/{segment}")
    assert refused.status_code == 400
    assert refused.mimetype == "application/problem+json"
    assert json.loads(refused.get_body())["status"] == 400


async def test_a_path_in_utf8_reaches_the_application() -> None:
    found = await answer("/metadata/schemas/caf%C3%A9")
    assert found.status_code == 200
    assert json.loads(found.get_body()) == {"name": "café"}
