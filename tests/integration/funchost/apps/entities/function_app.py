"""An entity that counts, signalled and read over HTTP and called by an orchestration."""

import json

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    context.set_result(value)


@app.route(route="counters/{key}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def add(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    await client.signal_entity(df.EntityId("counter", req.route_params["key"]), "add", int(req.get_body()))
    return func.HttpResponse(status_code=202)


@app.route(route="counters/{key}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    state = await client.read_entity_state(df.EntityId("counter", req.route_params["key"]))
    return json.dumps(state.entity_state if state.entity_exists else None)


@app.route(route="doubled/{key}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def double(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance = await client.start_new("doubling", None, req.route_params["key"])
    return await client.wait_for_completion_or_create_check_status_response(req, instance, 10_000, 50)


@app.orchestration_trigger(context_name="context", orchestration="Doubling")
def double_counter(context: df.DurableOrchestrationContext):
    entity = df.EntityId("counter", context.get_input())
    value = yield context.call_entity(entity, "get")
    doubled = yield context.call_entity(entity, "add", value)
    return doubled
