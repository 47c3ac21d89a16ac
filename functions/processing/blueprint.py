"""The processing service's triggers."""

import azure.durable_functions as df
import azure.functions as func

from chassis.context import calling
from chassis.http.app import create_app
from chassis.http.trigger import METHODS, HttpFront
from chassis.messaging.relay import add_outbox_relay
from chassis.messaging.triggers import QueueDelivery, on_queue
from durable.jobs import steps
from durable.jobs.models import Order
from functions.processing import composition, messaging
from functions.processing.api import router
from functions.processing.composition import CHUNK_QUEUES, WORK, runtime
from functions.processing.messages import api as messages_api
from functions.processing.orchestration import Orchestrations
from functions.processing.recovery import recover
from functions.processing.schemas import ChunkCommand
from functions.processing.streams import api as streams_api

blueprint = df.Blueprint()
app = create_app(runtime, router, messages_api.router, streams_api.router, checks={"storage": runtime.check_storage})
front = HttpFront(app)
steps.provide(composition.steps)
add_outbox_relay(blueprint, runtime, WORK, composition.DATASETS, messaging.WINDOWS)


@blueprint.function_name("processing_handle_http")
@blueprint.route(route="processing/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def processing_handle_http(
    req: func.HttpRequest, context: func.Context, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """The HTTP API. Its health probes reach every process, so they are what starts this one's work on messages."""
    messaging.ensure_node()
    return await front.handle(req, context, client)


async def processing_do_chunk(msg: QueueDelivery, client: df.DurableOrchestrationClient) -> None:
    """One chunk of a validation or job. May be repeated."""
    async with runtime.consume(msg, ChunkCommand) as message:
        order = Order(kind=message.data.kind, tenant=message.tenant, id=message.data.id)
        if await composition.workers().do(order, message.data.chunk, message.data.generation):
            await Orchestrations(client).wake(order)


for _number, _queue in enumerate(CHUNK_QUEUES):
    _function = on_queue(blueprint, _queue)(blueprint.durable_client_input(client_name="client")(processing_do_chunk))
    blueprint.function_name(f"processing_do_chunk_{_number}")(_function)


@blueprint.function_name("processing_recover_jobs")
@blueprint.timer_trigger(arg_name="timer", schedule="*/15 * * * * *")
@blueprint.durable_client_input(client_name="client")  # type: ignore[untyped-decorator]
async def processing_recover_jobs(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Start work that was accepted and is not being done."""
    with calling(runtime.as_service()):
        await recover(composition.work(), Orchestrations(client).ensure)


@blueprint.function_name("processing_watch_partitions")
@blueprint.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", run_on_startup=True, use_monitor=False)
async def processing_watch_partitions(timer: func.TimerRequest) -> None:
    """Show how many messages wait, and see that somebody works on them where no probe comes."""
    messaging.ensure_node()
    await messaging.measures().depth(runtime.storage_queues)
