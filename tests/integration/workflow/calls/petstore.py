"""Two documents of one pet store: Swagger 2.0 and OpenAPI 3.1."""

import json


def swagger(url: str) -> str:
    host = url.removeprefix("http://")
    return json.dumps(
        {
            "swagger": "2.0",
            "host": host,
            "basePath": "/v2",
            "schemes": ["http"],
            "paths": {
                "/pet/findByStatus": {
                    "get": {
                        "operationId": "findPetsByStatus",
                        "parameters": [
                            {
                                "name": "status",
                                "in": "query",
                                "required": True,
                                "type": "array",
                                "collectionFormat": "multi",
                            }
                        ],
                    }
                },
                "/pet/{petId}": {
                    "parameters": [{"$ref": "#/parameters/petId"}],
                    "get": {"operationId": "getPetById"},
                    "post": {
                        "operationId": "updatePetWithForm",
                        "consumes": ["application/x-www-form-urlencoded"],
                        "parameters": [{"name": "name", "in": "formData", "type": "string"}],
                    },
                },
                "/pet": {
                    "post": {
                        "operationId": "addPet",
                        "consumes": ["application/json", "application/xml"],
                        "parameters": [{"name": "pet", "in": "body", "required": True, "schema": {}}],
                    }
                },
            },
            "parameters": {"petId": {"name": "petId", "in": "path", "required": True, "type": "integer"}},
        }
    )


OPENAPI = """
openapi: 3.1.0
info: {title: pets, version: '1'}
servers: [{url: '/{stage}', variables: {stage: {default: v3}}}]
paths:
  /pets/{id}{color}:
    parameters:
      - {name: id, in: path, required: true, style: simple, schema: {type: string}}
      - {name: color, in: path, style: matrix, explode: true, required: true, schema: {type: array}}
    get:
      operationId: show
      parameters:
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
        - {name: tags, in: query, style: pipeDelimited, explode: false, schema: {type: array}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
        - {name: limit, in: query, required: true, schema: {type: integer, default: 10}}
  /pets:
    post:
      operationId: add
      requestBody: {$ref: '#/components/requestBodies/pet'}
components:
  requestBodies:
    pet: {required: true, content: {application/json: {schema: {}}}}
"""
