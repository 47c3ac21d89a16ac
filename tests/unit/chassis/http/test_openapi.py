from typing import Any

from fastapi import APIRouter, FastAPI, Response

from chassis.http.headers import ETAG, LOCATION
from chassis.http.openapi import UNCHANGED, also, asks, describe_problems, gives, sends, takes
from chassis.http.security import requires
from chassis.models import Contract, example


class Thing(Contract):
    model_config = example(name="a cup")
    name: str


SECURED = APIRouter(dependencies=[requires("t.read")])
OWN: dict[int | str, dict[str, Any]] = {401: {"model": Thing}, 429: {"model": Thing, "headers": ETAG}}


@SECURED.get("/secured")
async def secured() -> None: ...


def document() -> dict[str, Any]:
    app = FastAPI(title="t", version="1")
    app.include_router(SECURED)
    describe_problems(app)

    @app.post("/things", responses=also(201, Thing), openapi_extra=sends(ETAG | LOCATION, 200, 201))
    async def make(thing: Thing) -> Thing:
        return thing

    @app.put("/things/{name}", responses=also(201, Thing, LOCATION), openapi_extra=sends(ETAG, 200, 201))
    async def put(name: str) -> Thing:
        return Thing(name=name)

    @app.get("/own", responses=OWN)
    async def own() -> None: ...

    @app.put("/raw", openapi_extra=takes("application/yaml", schema={"type": "object"}))
    async def raw() -> None: ...

    @app.put("/lines", openapi_extra=takes("application/json", example={"a": 1}, text="application/x-ndjson"))
    async def lines() -> None: ...

    @app.get("/page", openapi_extra=asks("state"))
    async def page() -> None: ...

    @app.get("/things/{name}/file", response_class=Response, responses=gives("text/csv; header=present") | UNCHANGED)
    async def file(name: str) -> Response:
        return Response(name)

    return app.openapi()


def test_any_other_answer_is_a_problem_and_the_frameworks_own_422_is_not_promised() -> None:
    made = document()
    responses = made["paths"]["/things"]["post"]["responses"]
    assert responses.keys() == {"200", "201", "429", "503", "default"}
    assert responses["default"] == {"$ref": "#/components/responses/Problem"}
    assert made["components"]["responses"]["Problem"]["content"].keys() == {"application/problem+json"}
    assert made["components"]["schemas"].keys() == {"Thing", "Problem"}


def test_failures_are_told_once_with_their_headers_and_those_of_tokens_where_one_is_asked_for() -> None:
    made = document()
    told = made["components"]["responses"]
    always = {
        name: {key: header["required"] for key, header in each.get("headers", {}).items()}
        for name, each in told.items()
    }
    assert always == {
        "Problem": {},
        "Unauthorized": {"WWW-Authenticate": True},
        "Forbidden": {"WWW-Authenticate": False},
        "TooManyRequests": {"Retry-After": True},
        "Unavailable": {"Retry-After": False},
    }
    responses = made["paths"]["/secured"]["get"]["responses"]
    assert responses["401"] == {"$ref": "#/components/responses/Unauthorized"}
    assert responses.keys() == {"200", "401", "403", "429", "503", "default"}


def test_a_failure_of_the_routes_own_has_the_header_too() -> None:
    responses = document()["paths"]["/own"]["get"]["responses"]
    assert responses["401"]["headers"].keys() == {"WWW-Authenticate"}
    assert responses["401"]["content"].keys() == {"application/json"}
    assert responses["429"]["headers"].keys() == {"ETag", "Retry-After"}
    assert responses["429"]["content"].keys() == {"application/json", "application/problem+json"}
    assert OWN[429]["headers"].keys() == {"ETag"}, "what the route gave is as it was"


def test_headers_are_told_on_the_answers_that_carry_them() -> None:
    paths = document()["paths"]
    responses = paths["/things"]["post"]["responses"]
    for status in ("200", "201"):
        assert responses[status]["headers"].keys() == {"ETag", "Location"}
        assert all(header["required"] for header in responses[status]["headers"].values())
        assert responses[status]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Thing"}
    assert "headers" not in responses["default"]
    file = paths["/things/{name}/file"]["get"]["responses"]
    assert file["304"]["headers"].keys() == {"ETag"}
    assert "headers" not in file["200"]


def test_a_header_of_one_status_alone_is_told_there() -> None:
    responses = document()["paths"]["/things/{name}"]["put"]["responses"]
    assert responses["200"]["headers"].keys() == {"ETag"}
    assert responses["201"]["headers"].keys() == {"ETag", "Location"}


def test_a_body_that_the_route_reads_by_itself_is_told() -> None:
    body = document()["paths"]["/raw"]["put"]["requestBody"]
    assert body == {"required": True, "content": {"application/yaml": {"schema": {"type": "object"}}}}


def test_a_body_of_text_and_an_example_are_told() -> None:
    content = document()["paths"]["/lines"]["put"]["requestBody"]["content"]
    assert content == {
        "application/json": {"schema": {}, "example": {"a": 1}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }


def test_a_contract_shows_its_example() -> None:
    assert document()["components"]["schemas"]["Thing"]["examples"] == [{"name": "a cup"}]


def test_a_query_that_the_route_reads_by_itself_is_told() -> None:
    (told,) = document()["paths"]["/page"]["get"]["parameters"]
    assert told == {"name": "state", "in": "query", "required": False, "schema": {"type": "string"}}


def test_a_file_is_told_by_its_media_types_and_that_it_may_be_unchanged() -> None:
    responses = document()["paths"]["/things/{name}/file"]["get"]["responses"]
    assert responses["200"]["content"].keys() == {"text/csv"}
    assert "content" not in responses["304"]
