"""The hosts that the kit's scenarios call, on this machine: what of petstore.swagger.io and httpbin.org they need."""

import base64
from typing import Any

from aiohttp import web

PETS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "name": "Rex", "status": "available", "photoUrls": []},
    2: {"id": 2, "name": "Tom", "status": "pending", "photoUrls": []},
}
SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Swagger Petstore", "version": "1.0.7"},
    "host": "petstore.swagger.io",
    "basePath": "/v2",
    "schemes": ["https", "http"],
    "paths": {
        "/pet/findByStatus": {
            "get": {
                "operationId": "findPetsByStatus",
                "produces": ["application/json"],
                "parameters": [
                    {
                        "name": "status",
                        "in": "query",
                        "required": True,
                        "type": "array",
                        "items": {"type": "string", "enum": ["available", "pending", "sold"]},
                        "collectionFormat": "multi",
                    }
                ],
                "responses": {"200": {"description": "successful operation"}},
            }
        },
        "/pet/{petId}": {
            "get": {
                "operationId": "getPetById",
                "produces": ["application/json"],
                "parameters": [{"name": "petId", "in": "path", "required": True, "type": "integer", "format": "int64"}],
                "responses": {"200": {"description": "successful operation"}},
            }
        },
    },
}


async def _find(request: web.Request) -> web.Response:
    wanted = request.query.getall("status", [])
    return web.json_response([pet for pet in PETS.values() if pet["status"] in wanted])


async def _pet(request: web.Request) -> web.Response:
    pet = PETS.get(int(request.match_info["id"]))
    return web.json_response(
        pet or {"code": 1, "type": "error", "message": "Pet not found"}, status=200 if pet else 404
    )


async def _swagger(_: web.Request) -> web.Response:
    return web.json_response(SWAGGER)


async def _basic(request: web.Request) -> web.Response:
    user, password = request.match_info["user"], request.match_info["password"]
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if request.headers.get("authorization") != expected:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Fake Realm"'})
    return web.json_response({"authenticated": True, "user": user})


def application() -> web.Application:
    """Both hosts in one: their paths don't meet. A path that neither knows is 404, as `getPetByName` is there."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/v2/swagger.json", _swagger),
            web.get("/v2/pet/findByStatus", _find),
            web.get(r"/v2/pet/{id:\d+}", _pet),
            web.get("/basic-auth/{user}/{password}", _basic),
        ]
    )
    return app
