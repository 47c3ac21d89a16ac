"""HTTP functions of every kind."""

import asyncio
import json
import logging
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="hello")
async def hello(req: func.HttpRequest) -> str:
    return "hello"


@app.route(route="items/{id:int}/{part?}", methods=["POST", "PUT"])
def describe(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("describing")
    value = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "params": dict(req.params),
        "header": req.headers.get("X-Repeated"),
        "bytes": len(req.get_body()),
        "function": context.function_name,
        "invocation": context.invocation_id,
        "traceparent": context.trace_context.trace_parent,
    }
    response = func.HttpResponse(json.dumps(value), mimetype="application/json", status_code=201)
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "b=2")
    return response


@app.route(route="binary", methods=["POST"])
async def binary(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body(), mimetype="application/octet-stream")


@app.route(route="broken")
def broken(req: func.HttpRequest) -> str:
    raise ValueError("the secret inside")


@app.route(route="nothing")
def nothing(req: func.HttpRequest):
    return None


@app.route(route="secret", auth_level=func.AuthLevel.FUNCTION)
def secret(req: func.HttpRequest) -> str:
    return "known"


@app.route(route="slow")
async def slow(req: func.HttpRequest) -> str:
    """Takes as long as its caller wants: until the file is there."""
    logging.info("slow began")
    while not Path(req.params["until"]).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(0.05)
    return "done"


@app.route(route="negotiate")
@app.generic_input_binding(arg_name="info", type="signalRConnectionInfo", hubName="platform", userId="{headers.x-user}")
def negotiate(req: func.HttpRequest, info: str) -> func.HttpResponse:
    return func.HttpResponse(info, mimetype="application/json")


@app.route(route="push")
@app.generic_output_binding(arg_name="out", type="signalR", hubName="platform")
def push(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(json.dumps({"target": "progress", "arguments": [{"done": 1}], "userId": req.params["user"]}))
    return "pushed"


@app.event_hub_message_trigger(arg_name="event", event_hub_name="x", connection="Nowhere")
def not_supported(event: func.EventHubEvent) -> None: ...
