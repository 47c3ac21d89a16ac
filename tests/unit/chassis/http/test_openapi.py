from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from chassis.http.openapi import also, describe_problems, takes


class Thing(BaseModel):
    name: str


def document() -> dict[str, Any]:
    app = FastAPI(title="t", version="1")
    describe_problems(app)

    @app.post("/things", responses=also(201, Thing))
    async def make(thing: Thing) -> Thing:
        return thing

    @app.put("/raw", openapi_extra=takes("application/yaml", schema={"type": "object"}))
    async def raw() -> None: ...

    return app.openapi()


def test_any_other_answer_is_a_problem_and_the_frameworks_own_422_is_not_promised() -> None:
    made = document()
    responses = made["paths"]["/things"]["post"]["responses"]
    assert responses.keys() == {"200", "201", "default"}
    assert responses["default"]["content"].keys() == {"application/problem+json"}
    assert made["components"]["schemas"].keys() == {"Thing", "Problem"}


def test_a_body_that_the_route_reads_by_itself_is_told() -> None:
    body = document()["paths"]["/raw"]["put"]["requestBody"]
    assert body == {"required": True, "content": {"application/yaml": {"schema": {"type": "object"}}}}
