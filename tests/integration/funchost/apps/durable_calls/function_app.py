"""An orchestration started over HTTP with the SDK's own client."""

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="sum/{n:int}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance = await client.start_new("total", None, int(req.route_params["n"]))
    return await client.wait_for_completion_or_create_check_status_response(req, instance, 10_000, 50)


@app.orchestration_trigger(context_name="context")
def total(context: df.DurableOrchestrationContext):
    squares = yield context.task_all([context.call_activity("square", n) for n in range(context.get_input())])
    return sum(squares)


@app.activity_trigger(input_name="n")
def square(n: int) -> int:
    return n * n
